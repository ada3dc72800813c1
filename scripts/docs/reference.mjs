// How the reference is arranged: modules by the names that are imported, the main entry by the headings of src/index.ts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Comment, CommentTag, Converter, ReflectionKind } from 'typedoc';

/**
 * Arranges what typedoc converted.
 *
 * @param {import('typedoc').Application} app
 * @param {{ root: string, packageName: string, entries: [file: string, name: string][], groups: string[] }} input
 */
export function arrangeReference(app, { root, packageName, entries, groups }) {
  const headings = headingsOf(readFileSync(join(root, 'src/index.ts'), 'utf8'));
  let order = [];
  app.converter.on(
    Converter.EVENT_RESOLVE_BEGIN,
    ({ project }) => {
      order = (project.documents ?? []).map(({ name }) => name);
      for (const module of project.getChildrenByKind(ReflectionKind.Module)) {
        const entry = entries.find(([file]) => file === `src/${module.name}.ts`);
        if (entry === undefined) throw new Error(`The module ${module.name} is no entry of the package.`);
        if (module.name === 'index') categorize(module, headings);
        module.name = `${packageName}${entry[1].slice(1)}`;
      }
    },
    1000,
  );
  app.converter.on(
    Converter.EVENT_RESOLVE_END,
    ({ project }) => {
      const place = ({ name }) => order.indexOf(name);
      for (const group of project.groups ?? []) {
        if (groups.includes(group.title)) group.children.sort((a, b) => place(a) - place(b));
      }
      const main = project.getChildrenByKind(ReflectionKind.Module).find(({ name }) => name === packageName);
      const titles = [...new Set(headings.values())];
      main?.categories?.sort((a, b) => titles.indexOf(a.title) - titles.indexOf(b.title));
    },
    -1000,
  );
}

/** The heading in src/index.ts that each name stands under; "Types of X" is with "X" where there is an "X". */
function headingsOf(text) {
  const headings = new Map();
  let heading = '';
  for (const [, comment, names] of text.matchAll(/^\/\/ (.+)$|^export (?:type )?\{([^}]*)\}/gm)) {
    if (comment !== undefined) heading = comment;
    else for (const name of names.split(',')) headings.set(name.trim().replace(/^.* as /, ''), heading);
  }
  return headings;
}

function categorize(module, headings) {
  for (const child of module.children ?? []) {
    const category = headings.get(child.name);
    if (category === undefined) throw new Error(`${child.name} stands under no heading of src/index.ts.`);
    const tag = () => new CommentTag('@category', [{ kind: 'text', text: category }]);
    const comments = [child, ...(child.signatures ?? [])].map((reflection) => reflection.comment).filter(Boolean);
    if (child.comment === undefined && child.signatures === undefined) child.comment = new Comment();
    for (const comment of comments.length > 0 ? comments : [child.comment].filter(Boolean))
      comment.blockTags.push(tag());
  }
}
