/* admin.h - the admin API: keys, teams, reports and the running gateway over HTTP, on a listener of its own with credentials of its own. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include "boot/start.h"

/* What start.c opens where gateway.lua has admin { ... }. */
extern const struct start_extension admin_extension;

#endif
