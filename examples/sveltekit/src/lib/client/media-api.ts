import type { ApiError, MediaCard, Playback, RateLimitProblem } from '$lib/shapes';

/** What the API refused, in the words that it gave. */
export class ApiRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * Calls the API of this app.
 *
 * @throws ApiRefusal with the API's own sentence, when it does not answer with 2xx.
 */
export async function callApi<Answer>(path: string, method = 'GET', body?: unknown): Promise<Answer> {
  const response = await fetch(path, {
    method,
    ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new ApiRefusal(response.status, await reasonOf(response));
  return (await response.json()) as Answer;
}

/** Makes a media item that has no file yet. */
export const createDraft = (title: string): Promise<MediaCard> => callApi('/api/media', 'POST', { title });

/** Deletes an item and all of its files. */
export const removeMedia = (id: string): Promise<unknown> => callApi(`/api/media/${id}`, 'DELETE');

/** An item as the database has it now. */
export const readMedia = (id: string): Promise<MediaCard> => callApi(`/api/media/${id}`);

/** Says that the original is in the bucket, under `key`. */
export const reportUploaded = (id: string, key: string): Promise<MediaCard> =>
  callApi(`/api/media/${id}/uploaded`, 'POST', { key });

/** What to play, good for a while; counts a view. */
export const startPlayback = (id: string): Promise<Playback> => callApi(`/api/media/${id}/play`, 'POST');

/** As `startPlayback`, for a film that is playing: it counts no view. */
export const renewPlayback = (id: string): Promise<Playback> => callApi(`/api/media/${id}/play?again`, 'POST');

async function reasonOf(response: Response): Promise<string> {
  const answer = (await response.json().catch(() => ({}))) as Partial<ApiError & RateLimitProblem>;
  return answer.message ?? answer.detail ?? `The server answered ${response.status}.`;
}
