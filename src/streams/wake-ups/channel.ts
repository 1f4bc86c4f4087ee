/** Owns what must be able to carry wake-ups between the processes of one server, whatever it is. */

/** What carries them, as operators know it. */
export type CarrierName = 'postgresql' | 'redis';

/** A connection on which every process of this server hears what any of them publishes, its own included. */
export type Channel = AsyncDisposable & {
  /** Resolves when the carrier has taken the text; rejects when it has not, after which the channel is of no use. */
  publish(text: string): Promise<void>;
};

export type ChannelListeners = {
  readonly onMessage: (text: string) => void;
  /** The connection is lost, or answers nothing; it may be told more than once, also before the channel is open. */
  readonly onLost: (error: unknown) => void;
  /** Aborted when nobody waits for the channel any more. */
  readonly signal: AbortSignal;
};

export type Carrier = {
  readonly name: CarrierName;
  /** Rejects when the carrier cannot be reached or refuses; leaves nothing behind then. */
  readonly open: (listeners: ChannelListeners) => Promise<Channel>;
};
