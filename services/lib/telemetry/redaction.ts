/** Takes secrets out of finished log lines and of texts: by name at any depth, in bindings, in URLs, and by the look of a key. */

const CENSORED = '[Redacted]';

/** Compared in lower case without "-" and "_"; exact, so that `tokens` and `secretName` stay readable. */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'proxyauthorization',
  'apikey',
  'xapikey',
  'password',
  'passwd',
  'secret',
  'clientsecret',
  'token',
  'accesstoken',
  'refreshtoken',
  'credentials',
  'cookie',
  'setcookie',
]);

/** A name, which may itself stand in JSON within a JSON text, up to its colon. Every repetition is bounded, so that no line takes long. */
const NAME_AND_COLON = /(\\{0,63})"([A-Za-z][A-Za-z_-]{4,24})\1"\s{0,4}:\s{0,4}/g;
/** The end of every one of the names, to see quickly that a line has none. */
const SECRET_NAME_END = /(?:authorization|key|password|passwd|secret|token|credentials|cookie)\\{0,63}"\s{0,4}:/i;
const URL_CREDENTIALS = /([a-z][a-z0-9+.-]{0,15}:\/\/)[^\s/?#"'\\@]{1,256}@/gi;
const API_KEY_TEXT = /\b(weir_(?:live|test)_)[0-9A-Za-z]+/g;
const BEARER = /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi;

/** Removes credentials from free text, such as a message or a stack. */
export function redactText(text: string): string {
  // Looking for a fixed text first makes the usual line, which has none of this, cheap.
  let result = text;
  if (result.includes('://')) result = result.replace(URL_CREDENTIALS, `$1${CENSORED}@`);
  if (result.includes('weir_')) result = result.replace(API_KEY_TEXT, `$1${CENSORED}`);
  return result.replace(BEARER, `$1 ${CENSORED}`);
}

/** Removes secrets from one JSON line and leaves it valid JSON. */
export function redactLine(line: string): string {
  return redactText(SECRET_NAME_END.test(line) ? redactNamed(line) : line);
}

function redactNamed(line: string): string {
  let result = '';
  let copiedTo = 0;
  NAME_AND_COLON.lastIndex = 0;
  for (let match = NAME_AND_COLON.exec(line); match !== null; match = NAME_AND_COLON.exec(line)) {
    const [, escape = '', name = ''] = match;
    if (!SECRET_NAMES.has(name.toLowerCase().replace(/[-_]/g, ''))) continue;
    const start = NAME_AND_COLON.lastIndex;
    const end = endOfValue(line, start, `${escape}"`);
    result += `${line.slice(copiedTo, start)}${escape}"${CENSORED}${escape}"`;
    copiedTo = end;
    NAME_AND_COLON.lastIndex = end;
  }
  return copiedTo === 0 ? line : result + line.slice(copiedTo);
}

/** Where the JSON value that begins at `start` ends; `quote` is `"`, with its backslashes inside a text. */
function endOfValue(line: string, start: number, quote: string): number {
  let depth = 0;
  let at = start;
  while (at < line.length) {
    const char = line[at];
    if (line.startsWith(quote, at)) {
      at = endOfText(line, at + quote.length, quote);
      if (depth === 0) return at;
      continue;
    }
    if (depth === 0 && (char === ',' || char === '}' || char === ']' || char === '"' || char === '\\')) return at;
    if (char === '{' || char === '[') depth += 1;
    if (char === '}' || char === ']') {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
    at += 1;
  }
  return at;
}

/**
 * Behind the closing quote. In a text nested n deep in others, a quote carries 2^n - 1 backslashes, one that belongs to
 * the text itself 2^n more, and a backslash of the text is 2^(n + 1) of them.
 */
function endOfText(line: string, start: number, quote: string): number {
  for (let at = line.indexOf('"', start); at !== -1; at = line.indexOf('"', at + 1)) {
    let slashes = 0;
    while (at - 1 - slashes >= start && line[at - 1 - slashes] === '\\') slashes += 1;
    if (slashes % (2 * quote.length) === quote.length - 1) return at + 1;
  }
  return line.length;
}
