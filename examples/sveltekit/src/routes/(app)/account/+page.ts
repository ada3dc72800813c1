// Forms alone: no script in the browser.
export const csr = false;
