/* commands.h - what a running gateway can be asked on its control socket (control.h). */
#ifndef BOOT_COMMANDS_H
#define BOOT_COMMANDS_H

#include "boot/control.h"

struct gateway; /* flow/worker.h */
struct reload;

/* How many there are at most. */
#define COMMANDS_MOST 16

/* The verbs of this gateway, in out[COMMANDS_MOST]; how many. Each runs on the control's thread: what it touches must allow that. */
size_t commands_of(struct gateway *gateway, struct reload *reload, struct control_verb *out);

#endif
