// The charts are drawn on the server: no script in the browser.
export const csr = false;
