/* plugin_new.h - the part of `llm-gateway plugin` that writes a new one. */
#ifndef CLI_PLUGIN_NEW_H
#define CLI_PLUGIN_NEW_H

/* Makes the folder `name` where the program runs. The exit code: CLI_OK; CLI_USAGE for a bad name, CLI_FAILED where
 * the folder is there already or cannot be written, both after a message. */
int plugin_new(const char *name);

#endif
