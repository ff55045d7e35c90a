/* check.h - is what a plugin states of itself something this gateway can work with? */
#ifndef PLUGIN_CHECK_H
#define PLUGIN_CHECK_H

#include "plugin/plugin.h"

/* Fills all of `out` but `path` from the descriptor: versions, names, the operations table cut to the part
 * both sides know, required functions. Calls nothing. 0, or -1 with `fail` (FAIL_OPERATOR, naming `path`). */
int check_descriptor(const gw_plugin *descriptor, const char *path, struct plugin *out, struct fail *fail);

#endif
