// Made once, when the app is built; it needs no script in the browser.
export const prerender = true;
export const csr = false;
