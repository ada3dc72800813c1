// Links of Markdown, as they stand in the repository.

/** Code in Markdown, in fences or between backticks, where brackets are no links. */
const CODE = /^(`{3,}|~{3,}).*\n[\s\S]*?^\1`*\s*$|(`+)[^`][\s\S]*?\2/gm;
const LINK = /(!?\[(?:[^[\]]|\[[^\]]*\])*\]\()([^)\s]+)((?:\s+"[^"]*")?\))/g;

/**
 * Replaces the targets of the links of a Markdown text, outside of code.
 *
 * @param {string} text
 * @param {(target: string, link: string) => string | null} replace the new target; `null` leaves the words and takes the link away.
 * @returns {string}
 */
export function replaceLinks(text, replace) {
  const held = [];
  const hold = (code) => `\uE000${held.push(code) - 1}\uE000`;
  const replaced = text.replace(CODE, hold).replace(LINK, (link, before, target, after) => {
    const next = replace(target, link);
    return next === null ? link.slice(link.indexOf('[') + 1, link.indexOf('](')) : `${before}${next}${after}`;
  });
  return replaced.replace(/\uE000(\d+)\uE000/g, (_all, index) => held[Number(index)]);
}
