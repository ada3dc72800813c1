// The only page that is the same for everybody: it is a file, and no Worker runs for it.
export const prerender = true;
