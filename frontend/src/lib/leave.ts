/** Leaves this page for an address that is not the router's; a function of its own, because tests cannot go anywhere. */
export function leaveFor(address: string) {
  window.location.assign(address);
}
