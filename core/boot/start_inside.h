/* start_inside.h - one run of the gateway, for start*.c alone. */
#ifndef BOOT_START_INSIDE_H
#define BOOT_START_INSIDE_H

#include "boot/commands.h"
#include "boot/inherit.h"
#include "boot/reload.h"
#include "boot/start.h"
#include "boot/upgrade.h"

enum { EXIT_FAILED = 1, EXIT_CONFIG = 78 };

/* One run of the gateway. */
struct run {
    struct gateway gateway;
    struct config *config;
    const struct start_options *options;
    struct worker_thread *threads; /* one for each worker */
    struct reload *reload;
    struct config_store store; /* that of `config`: it is filled until the end, whatever is loaded meanwhile */
    unsigned opened;           /* threads that are set up */
    uint16_t port;             /* the one that is bound */
    struct control_verb commands[COMMANDS_MOST];
    void *admin;                  /* of options->admin; NULL: it is not open */
    struct control *control;      /* NULL: there is no ledger, or no socket could be made */
    struct inherit inherit;       /* what the process gave that is upgraded */
    bool takes_over;              /* its ledger */
    int old_ledger_fd;            /* the socket on which it asks */
    struct ledger_keeper *keeper; /* answers that process while it drains; NULL: there is none */
    struct upgrade upgrade;       /* to a new process */
    bool replaced;                /* it serves, and this one drains */
    int signal_fd, idle_fd;
    int64_t clock_set_ms; /* what was reported of it */
    int exit_code;
};

/* start_money.c: the ledger and what lives in its folder; the store. -1: the log says why. Where there is an old process, it writes no more
 * to its ledger from here on. */
int start_open_money(struct run *run);
/* The old process asks this one for its ledger from here on. Before the first request: what is held until then is of the old one. -1: the log
 * says why. */
int start_open_keeper(struct run *run);
/* What commands changed while this process was starting: a key, a switch, another gateway.lua. The process before has it, and this one has
 * read the files earlier. Before the workers run. */
void start_load_late(struct run *run);
/* Commands reach this process from here on. */
void start_open_control(struct run *run);
/* start_admin.c: the admin API, where gateway.lua has one. Where another process had it until now, this one serves also without it. -1: the
 * log says why. */
int start_open_admin(struct run *run);
void start_close_admin(struct run *run);
/* start_wait.c: signals are this thread's business alone from now on. -1: the log says why. */
int start_watch_signals(struct run *run);
/* Serves; then drains; then, when somebody insists or time is up, cuts. */
void start_wait(struct run *run);

#endif
