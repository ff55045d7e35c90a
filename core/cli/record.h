/* record.h - a row of the audit log for what a command changes. */
#ifndef CLI_RECORD_H
#define CLI_RECORD_H

#include <stdbool.h>

#include "base/text.h"

/* Writes the row, before the change is made: who runs the command did `action` ("keys.create") to `target`, in words `settings` (absent: none).
 * False after a message: it could not be written. */
bool record_change(const char *folder, const char *action, struct text target, struct text settings);

#endif
