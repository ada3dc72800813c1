const TOKEN = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|;|\b(?:BEGIN|CASE|END)\b/gi;
const TRIGGER = /^\s*CREATE\s+(?:TEMP(?:ORARY)?\s+)?TRIGGER\b/i;

/**
 * The statements of an SQL script, without comments. A semicolon in a text, a name, a comment or the body of a trigger ends nothing.
 *
 * @returns the statements without their semicolons, in order; empty when there are only comments.
 */
export function splitStatements(script) {
  const statements = [];
  let statement = '';
  let end = 0;
  let depth = 0;
  for (const match of script.matchAll(TOKEN)) {
    const [token] = match;
    statement += script.slice(end, match.index);
    end = match.index + token.length;
    if (token.startsWith('--') || token.startsWith('/*')) {
      statement += ' ';
      continue;
    }
    if (token === ';' && depth === 0) {
      statements.push(statement.trim());
      statement = '';
      continue;
    }
    // Only the body of a trigger holds statements of its own; CASE ends with END too.
    if (TRIGGER.test(statement) && /^[a-z]/i.test(token)) depth += token.toUpperCase() === 'END' ? -1 : 1;
    statement += token;
  }
  statements.push((statement + script.slice(end)).trim());
  return statements.filter((each) => each !== '');
}
