/** Control characters, halves of characters, and those that turn the direction of what stands around them. */
const UNWANTED = /[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu;
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** A text as one line of what can be seen; '' when there is nothing to see. */
export function plainLine(text: string): string {
  const line = text.replace(UNWANTED, ' ').trim();
  return VISIBLE.test(line) ? line : '';
}
