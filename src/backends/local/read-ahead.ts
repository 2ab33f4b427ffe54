/** Bytes of one read: every one is a trip through the thread pool, and clients are many. */
const BLOCK = 256 * 1024;
/** So many readers of the process read ahead at once; further ones read piece by piece. */
const BLOCKS = 32;
/** ms without a wish for more after which a reader counts as stalled and its block goes to others. */
const STALL_MS = 150;

/** A block that a reader fills and reads from. */
export interface Block {
  readonly bytes: Buffer;
  /** The reader is alive: it asked for more. */
  readonly touch: () => void;
  readonly giveBack: () => void;
}

/** Blocks that readers share: what a stalled reader had read ahead is taken from it, so that it holds no more than a piece. */
export interface ReadAhead {
  /** A block, or undefined where all are in use. `taken` runs when it was given to others: never while `busy()`. */
  readonly take: (reader: { readonly busy: () => boolean; readonly taken: () => void }) => Block | undefined;
  readonly blockSize: number;
}

export function createReadAhead(now: () => number = () => performance.now()): ReadAhead {
  const free: Buffer[] = [];
  const holders = new Set<{ at: number; busy: () => boolean; release: () => void }>();
  let made = 0;
  let sweeper: NodeJS.Timeout | undefined;

  const sweep = (): void => {
    for (const holder of holders) if (now() - holder.at >= STALL_MS && !holder.busy()) holder.release();
    if (holders.size > 0) return;
    clearInterval(sweeper);
    sweeper = undefined;
  };

  return {
    blockSize: BLOCK,
    take: (reader) => {
      if (free.length === 0 && made === BLOCKS) return undefined;
      const bytes = free.pop() ?? Buffer.allocUnsafeSlow(BLOCK);
      made = Math.max(made, holders.size + free.length + 1);
      const giveBack = (): void => {
        if (holders.delete(holder)) free.push(bytes);
      };
      const holder = {
        at: now(),
        busy: reader.busy,
        release: () => {
          giveBack();
          reader.taken();
        },
      };
      holders.add(holder);
      sweeper ??= setInterval(sweep, STALL_MS).unref();
      return {
        bytes,
        touch: () => {
          holder.at = now();
        },
        giveBack,
      };
    },
  };
}
