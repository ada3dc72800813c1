export { CloudflareClientError, isCloudflareClientError } from './errors.js';
