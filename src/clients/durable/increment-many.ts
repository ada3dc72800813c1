import type { AddOperation, ChangeReply, CounterOperation } from '../../durable-objects/counter/counter-api.js';
import { CloudflareClientError, isCloudflareClientError } from '../../errors.js';
import { forEachOf } from '../../internal/for-each-of.js';
import { refusal, shownValue } from '../check-option.js';
import { checkName, shardObject } from './counter-names.js';
import type { OperationContext } from './counter-operations.js';
import { addOperation } from './counter-operations.js';
import type { CounterItem } from './counter-types.js';

const MAX_ITEMS = 10_000;
const MAX_CALLS = 32;

/** How the changes reach their objects. */
export interface IncrementManyContext extends OperationContext {
  readonly shardOf: (name: string, key: string | undefined) => number;
  readonly change: (
    object: string,
    operations: CounterOperation[],
  ) => Promise<{ readonly replies: readonly ChangeReply[]; readonly shards: number }>;
}

/** What became of one item: the object's answer, or the failure of its call. */
export interface ItemAnswer {
  readonly name: string;
  readonly answer: { readonly reply: ChangeReply; readonly shards: number } | Error;
}

interface PlannedItem {
  readonly index: number;
  readonly operation: AddOperation;
}

/** Makes changes, those of one object in one call. */
export async function incrementEach(
  items: readonly CounterItem[],
  context: IncrementManyContext,
): Promise<readonly ItemAnswer[]> {
  const groups = planned(items, context);
  const answers = new Array<ItemAnswer>(items.length);
  await forEachOf([...groups], MAX_CALLS, async ([object, group]) => {
    const answered = await answersOf(group, context.change(object, operationsOf(group)));
    group.forEach(({ index }, place) => {
      answers[index] = { name: (items[index] as CounterItem).name, answer: answered[place] as ItemAnswer['answer'] };
    });
  });
  return answers;
}

function planned(items: readonly CounterItem[], context: IncrementManyContext): Map<string, PlannedItem[]> {
  if (!Array.isArray(items) || items.length > MAX_ITEMS) {
    const given = Array.isArray(items) ? items.length : items;
    throw refusal('items', shownValue(given), `give a list of at most ${MAX_ITEMS} changes`);
  }
  const groups = new Map<string, PlannedItem[]>();
  (items as readonly CounterItem[]).forEach((item, index) => {
    const operation = checkedItem(item, index, context);
    const object = shardObject(item.name, context.shardOf(item.name, operation.remember?.key));
    const group = groups.get(object);
    if (group === undefined) groups.set(object, [{ index, operation }]);
    else group.push({ index, operation });
  });
  return groups;
}

function checkedItem(item: unknown, index: number, context: OperationContext): AddOperation {
  try {
    const { name, ...change } = (item ?? {}) as CounterItem;
    checkName('name', name);
    return addOperation(change, 1, context);
  } catch (error) {
    if (!isCloudflareClientError(error)) throw error;
    throw new CloudflareClientError(error.code, `Item ${index} of incrementMany: ${error.message}`, { cause: error });
  }
}

function operationsOf(group: readonly PlannedItem[]): CounterOperation[] {
  return group.map(({ operation }) => operation);
}

async function answersOf(
  group: readonly PlannedItem[],
  call: ReturnType<IncrementManyContext['change']>,
): Promise<ItemAnswer['answer'][]> {
  try {
    const { replies, shards } = await call;
    return replies.map((reply) => ({ reply, shards }));
  } catch (error) {
    return group.map(() => error as Error);
  }
}
