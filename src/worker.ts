// A Worker that does nothing but hold the Durable Objects, for apps that cannot export classes of their own, such as SvelteKit: deploy it with
// coordination-worker/wrangler.jsonc and bind its classes by `script_name`.

export {};
