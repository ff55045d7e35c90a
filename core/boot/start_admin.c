/* start_admin.c - the admin API of a run. */
#include <poll.h>

#include "base/log.h"
#include "boot/start_inside.h"

enum { TRIES = 100, PAUSE_MS = 50 };

int start_open_admin(struct run *run)
{
    struct start_parts parts = { .gateway = &run->gateway,
                                 .reload = run->reload,
                                 .config = run->config,
                                 .options = run->options,
                                 .store = run->store };
    struct fail fail;
    if (run->config->admin.address.ptr == NULL || run->options->admin == NULL)
        return 0;
    /* A process that drains gives the port back as soon as it knows that it is replaced. */
    for (int i = 0; run->admin == NULL && i < (run->takes_over ? TRIES : 1); i++) {
        poll(NULL, 0, i > 0 ? PAUSE_MS : 0);
        run->admin = run->options->admin->open(&parts, &fail);
    }
    if (run->admin != NULL)
        return 0;
    log_line(LOG_ERROR, "%s", fail.text);
    if (run->takes_over) /* it was told to serve, and nobody else does */
        return 0;
    run->exit_code = EXIT_CONFIG;
    return -1;
}

void start_close_admin(struct run *run)
{
    if (run->admin != NULL)
        run->options->admin->close(run->admin);
    run->admin = NULL;
}
