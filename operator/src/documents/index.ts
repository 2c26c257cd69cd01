/**
 * Compiled documents in Valkey: publishing them, and keeping them there.
 *
 * Guarantees: the whole set goes out in one step; what was lost is back about a second after Valkey's return, an edit
 * by hand is undone within 15 s, an orphan with the first assertion; the copy of an invalid resource stays as it was.
 * Does not: decide what is wanted (each kind does, from its cache), nor write before it was started or after `stop`.
 */
export { createDocumentKeeper, type DocumentKeeper } from './document-keeper.ts';
export type { WantedDocuments } from './wanted-documents.ts';
