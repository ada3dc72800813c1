import { createContainer, provideCloudflareClients } from '@codex/cloudflare-clients';
import { handleContainer } from '@codex/cloudflare-clients/sveltekit';

export const handle = handleContainer(createContainer(provideCloudflareClients()));
