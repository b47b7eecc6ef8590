/** To come. */
export function Charts() {
  return null;
}
