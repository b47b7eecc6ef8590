/** What the tests sign in to the panel with. */
export const adminKey = "3f9c1d7ab2e84c60951d0b7e6a2f48c3";
