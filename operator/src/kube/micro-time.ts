/** metav1.MicroTime: the server turns an instant with fewer than six decimals down. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
