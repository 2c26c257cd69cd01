/** A logger for code under test whose lines nobody reads. */
import { pino, type Logger } from 'pino';

export const silentLogger: Logger = pino({ level: 'silent' });
