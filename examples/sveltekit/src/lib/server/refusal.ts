/** What a visitor is told instead of an answer: a status of HTTP and a sentence for people. */
export class Refusal extends Error {
  constructor(
    readonly status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 503,
    message: string,
  ) {
    super(message);
  }
}
