/* notify.h - tells a service manager how it stands, where there is one: systemd's protocol of a datagram to $NOTIFY_SOCKET. */
#ifndef BOOT_NOTIFY_H
#define BOOT_NOTIFY_H

/* "READY=1", "MAINPID=12", "STOPPING=1". Nobody waits for it, and where nobody listens nothing happens. Any thread. */
void notify_send(const char *state);

#endif
