/**
 * A process that stands still is ended by the kernel.
 *
 * One that is stopped (SIGSTOP, a debugger) or that hangs while it holds the write lock stops the other one
 * too, and no health check from outside can free the lock. A thread or a parent that watches would be stopped
 * with it, or cost a process. So the process itself winds up a timer of the kernel's, again and again, whose
 * signal is SIGKILL: that one reaches even a process that is stopped, and leaves it no instruction.
 *
 *     timer    |wound   |wound   |wound ............... SIGKILL
 *     process  [..........................stopped
 *
 * The kernel protects the first process of a container (PID 1) from it: deploy/entrypoint.sh is that one.
 */
import { dlopen, FFIType, ptr } from "bun:ffi";

/** How often the timer is wound up: a process that stops just before has that much less than it is allowed. */
const windEveryMs = 250;
/** For work that may take long on the event loop: a reset of millions of entries, a checkpoint on a slow disk. */
const patienceMs = 60_000;

const clockMonotonic = 1;
const sigkill = 9;
/** sizeof(struct sigevent) on 64-bit Linux; its fields are sigev_value (8 bytes), sigev_signo, sigev_notify. */
const sigeventBytes = 64;

/** timer_create(2) and timer_settime(2). */
const symbols = {
	timer_create: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
	timer_settime: { args: [FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
} as const;

export class Watchdog {
	readonly #ms: number;
	readonly #setTime: (ms: number) => void;

	private constructor(ms: number, setTime: (ms: number) => void) {
		this.#ms = ms;
		this.#setTime = setTime;
	}

	/**
	 * From here on the process dies when its event loop stands still for `ms`.
	 * @throws where there is no such timer: not on Linux, or not with glibc.
	 */
	static start(ms: number): Watchdog {
		const watchdog = new Watchdog(ms, createTimer());
		watchdog.#setTime(ms);
		setInterval(() => watchdog.#setTime(ms), Math.min(windEveryMs, ms / 4)).unref();
		return watchdog;
	}

	/** Runs work that may stand still for longer, up to a minute. */
	patiently<T>(work: () => T): T {
		this.#setTime(Math.max(patienceMs, this.#ms));
		try {
			return work();
		} finally {
			this.#setTime(this.#ms);
		}
	}
}

/** A timer that kills this process; the function winds it up anew. */
function createTimer(): (ms: number) => void {
	const libc = dlopen("libc.so.6", symbols).symbols;
	const event = new DataView(new ArrayBuffer(sigeventBytes));
	event.setInt32(8, sigkill, true);
	const id = new BigUint64Array(1);
	if (libc.timer_create(clockMonotonic, ptr(event), ptr(id)) !== 0) throw new Error("timer_create(2) failed");
	/** struct itimerspec: interval and first expiry, each in seconds and nanoseconds. */
	const times = new BigInt64Array(4);
	return (ms) => {
		times[2] = BigInt(Math.floor(ms / 1000));
		times[3] = BigInt((ms % 1000) * 1_000_000);
		libc.timer_settime(id[0] as bigint, 0, ptr(times), null);
	};
}
