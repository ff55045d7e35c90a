/* start.h - runs the gateway: workers, signals, the drain. The thread that calls it becomes the one that waits
 * for signals; no other thread of the process may run yet. */
#ifndef BOOT_START_H
#define BOOT_START_H

#include <stdbool.h>

#include "base/fail.h"
#include "config/config.h"
#include "flow/worker.h"

struct load_options; /* boot/load.h */
struct reload;       /* boot/reload.h */
struct start_options;

/* The parts of a running gateway, for what runs beside its workers. */
struct start_parts {
    struct gateway *gateway;
    struct reload *reload;
    struct config *config; /* as it was at the start */
    const struct start_options *options;
    struct config_store store; /* plugin NULL: there is none */
};

/* What a room above this one adds to a running gateway. */
struct start_extension {
    /* When the workers run. `parts` is lent, what it points to is kept until close(). NULL with `fail` (FAIL_OPERATOR): it cannot start. */
    void *(*open)(const struct start_parts *parts, struct fail *fail);
    void (*close)(void *extension);
};

struct start_options {
    bool insecure;                       /* others may connect although there are no keys */
    bool quiet;                          /* no banner, only the line that names where it listens */
    bool accept_gap;                     /* start although the ledger is damaged */
    const struct load_options *load;     /* where the configuration came from; lent until it ends */
    const char *book;                    /* path of the price book; lent until it ends */
    const struct start_extension *admin; /* opened where gateway.lua has admin { ... } */
    bool book_may_lack;                  /* where it is not there no cost is known; else that is an error */
};

/* May it listen there? 0, or -1 with what to do: an address that others reach needs keys, and no
 * provider may be the gateway itself. */
int start_check_address(const struct config *config, bool insecure, struct fail *fail);
/* The price book, into config->book. 0, also where it may lack and does: the log has it; -1 with `fail`. */
int start_load_book(struct config *config, const struct start_options *options, struct fail *fail);
/* Serves until a signal ends it. `config` is kept (it takes references of its own). 0: drained; 1: it could not
 * start, or requests were cut; 78: the configuration does not allow it. */
int start_serve(struct config *config, const struct start_options *options);

#endif
