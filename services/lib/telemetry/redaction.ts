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

/** A name, which may itself stand in JSON within a JSON text, up to its colon. */
const NAME_AND_COLON = /(\\*)"([A-Za-z][A-Za-z_-]{4,24})\1"\s*:\s*/g;
const URL_CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'\\@]+@/gi;
const API_KEY_TEXT = /\b(weir_(?:live|test)_)[0-9A-Za-z]+/g;
const BEARER = /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi;

/** Removes credentials from free text, such as a message or a stack. */
export function redactText(text: string): string {
  return text
    .replace(URL_CREDENTIALS, `$1${CENSORED}@`)
    .replace(API_KEY_TEXT, `$1${CENSORED}`)
    .replace(BEARER, `$1 ${CENSORED}`);
}

/** Removes secrets from one JSON line and leaves it valid JSON. */
export function redactLine(line: string): string {
  return redactText(redactNamed(line));
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

/** Behind the closing quote. A quote with more backslashes than `quote` has belongs to the text. */
function endOfText(line: string, start: number, quote: string): number {
  for (let at = line.indexOf(quote, start); at !== -1; at = line.indexOf(quote, at + 1)) {
    let slashes = 0;
    while (line[at - 1 - slashes] === '\\' && at - 1 - slashes >= start) slashes += 1;
    // Behind an even number of backslashes the quote stands for itself; `quote`'s own are counted separately.
    if (quote.length === 1 ? slashes % 2 === 0 : slashes === 0) return at + quote.length;
  }
  return line.length;
}
