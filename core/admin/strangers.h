/* strangers.h - who shows wrong credentials: each address may do so ten times a minute, and then only hears 429. A right one is always taken,
 * so nobody is locked out by another behind the same address. Any thread. */
#ifndef ADMIN_STRANGERS_H
#define ADMIN_STRANGERS_H

#include <stdint.h>

struct strangers;

struct strangers *strangers_new(void);
void strangers_free(struct strangers *strangers);
/* A wrong one came from that address at `now_ns`. 0: answer 401; else the seconds until it may try again. */
int strangers_wrong(struct strangers *strangers, const char *address, int64_t now_ns);

#endif
