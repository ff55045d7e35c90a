/* aside_serve.h - the helper process of a plugin: it alone calls the plugin, and has nothing of the gateway but its settings. */
#ifndef PLUGIN_ASIDE_SERVE_H
#define PLUGIN_ASIDE_SERVE_H

/* Serves the plugin of that file on the descriptors that the gateway gave (plugin/aside_frame.h) until the gateway's side is closed. Does not
 * return: ends the process, with 0 when the gateway has ended it. */
_Noreturn void aside_serve(const char *path);

#endif
