/* reload.h - a new snapshot of the configuration while the gateway runs: it is loaded whole, or refused whole and the one before stays.
 *
 * New requests begin with the new one; those under way end with theirs. What lives longer than a snapshot - the ledger's accounts, what
 * limits have counted, counters and cache of policies, connections of upstreams - goes on, by name. */
#ifndef BOOT_RELOAD_H
#define BOOT_RELOAD_H

#include "base/buf.h"
#include "boot/start.h"
#include "boot/worker_thread.h"

struct reload;

/* `config` is the one in use, of which it takes a reference; the rest is kept. Given. Boot thread. */
struct reload *reload_new(struct gateway *gateway, struct config *config, const struct start_options *options);
/* No alert is sent any more. Before the ledger is closed, which reload_free() must come after. */
void reload_stop(struct reload *reload);
void reload_free(struct reload *reload);
/* Before reload_run(): who uses what is loaded. Kept. Boot thread. */
void reload_workers(struct reload *reload, struct worker_thread *threads, unsigned count);
/* Limits per minute and in flight, where the configuration has some; before it is used. Boot thread, or within reload_run(). */
int reload_throttle(struct gateway *gateway, struct config *config, struct fail *fail);
/* The cache of answers, where the configuration has one; before it is used. Boot thread, or within reload_run(). */
int reload_answers(struct gateway *gateway, const struct config *config, struct fail *fail);
/* The cache gives no more what it has kept: of a team, of a model (absent: of all), or one entry. -1 with `fail`: there is no cache, or
 * nothing of that name. Any thread but a worker's. */
int reload_purge(struct reload *reload, struct text team, struct text model, struct text entry, struct fail *fail);
/* Starts the thread that sends alerts, where a budget has one. */
void reload_alert(struct reload *reload);
/* Loads the configuration and uses it; the log has how it ended. 0, or -1 where it is refused. Lines for a person are appended: what
 * is wrong, as `check` has it, or what counts from the next start on. Waits until each worker uses it. Any thread but a worker's. */
int reload_run(struct reload *reload, struct buf *lines);
/* The snapshot in use, with one more reference: config_unref(). Any thread. */
struct config *reload_config(struct reload *reload);
/* Would it be accepted with this text of keys.lua? Lines of what is wrong are appended. 0 or -1. Any thread but a worker's. */
int reload_would_load(struct reload *reload, struct text keys, struct buf *lines);
/* Does another process keep the ledger now, so that nothing can change here any more? Any thread. */
bool reload_has_moved(const struct reload *reload);
/* The digest of the snapshot in use, and how long its drain may take. */
void reload_digest(struct reload *reload, char digest[2 * CRYPTO_SHA256_LEN + 1]);
int64_t reload_drain_ns(struct reload *reload);

/* reload_check.c: what of `next` a running gateway cannot take. Lines with "warning: " for what counts from the next start on. -1: it is
 * refused, and the lines have why. */
int reload_check(const struct config *now, const struct config *next, struct buf *lines);

#endif
