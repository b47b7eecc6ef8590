/** How an address is read and written: the router's own way puts text that looks like a number or a truth value in quotes; ours is all text. */
export const plainSearch = {
  parseSearch: (search: string) => Object.fromEntries(new URLSearchParams(search)),
  stringifySearch: (search: Record<string, unknown>) => {
    const params = new URLSearchParams(search as Record<string, string>).toString();
    return params && `?${params}`;
  },
};
