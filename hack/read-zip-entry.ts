/** Reads one file out of a zip archive (a Python wheel) in memory, with Node's own inflate and no dependency. */
import { crc32, inflateRawSync } from 'node:zlib';

const END_OF_DIRECTORY = 0x06054b50;
const DIRECTORY_ENTRY = 0x02014b50;
const LOCAL_HEADER = 0x04034b50;
const METHOD_STORED = 0;
const METHOD_DEFLATED = 8;

/** The end record is last, behind it at most a comment. */
function findDirectory(zip: Buffer): { offset: number; entries: number } {
  for (let at = zip.length - 22; at >= 0; at -= 1) {
    if (zip.readUInt32LE(at) !== END_OF_DIRECTORY) continue;
    return { entries: zip.readUInt16LE(at + 10), offset: zip.readUInt32LE(at + 16) };
  }
  throw new Error('not a zip archive');
}

function readContent(zip: Buffer, entryAt: number): Buffer {
  const method = zip.readUInt16LE(entryAt + 10);
  const checksum = zip.readUInt32LE(entryAt + 16);
  const size = zip.readUInt32LE(entryAt + 20);
  const headerAt = zip.readUInt32LE(entryAt + 42);
  if (zip.readUInt32LE(headerAt) !== LOCAL_HEADER) throw new Error('damaged zip archive');
  // Name and extra field may be longer here than in the directory.
  const start = headerAt + 30 + zip.readUInt16LE(headerAt + 26) + zip.readUInt16LE(headerAt + 28);
  const packed = zip.subarray(start, start + size);
  if (method !== METHOD_STORED && method !== METHOD_DEFLATED) throw new Error(`unknown zip method ${method}`);
  const content = method === METHOD_STORED ? packed : inflateRawSync(packed);
  if (crc32(content) !== checksum) throw new Error('damaged zip archive');
  return content;
}

/** The content of the first entry whose name is wanted; throws when there is none or the archive is damaged. */
export function readZipEntry(zip: Buffer, isWanted: (name: string) => boolean): Buffer {
  const { offset, entries } = findDirectory(zip);
  let at = offset;
  for (let index = 0; index < entries; index += 1) {
    if (zip.readUInt32LE(at) !== DIRECTORY_ENTRY) throw new Error('damaged zip archive');
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    if (isWanted(name)) return readContent(zip, at);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  throw new Error('no such file in the zip archive');
}
