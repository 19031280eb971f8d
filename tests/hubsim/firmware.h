/* firmware.h - the hub's updates (docs/protocol/ota.md): tasks on $ota, and files over HTTP with
 * faults. Files are made of a number: byte n of a file is the same in every run. Main thread, but
 * for the HTTP threads, which lock. */
#ifndef HUBSIM_FIRMWARE_H
#define HUBSIM_FIRMWARE_H

#include "tests/hubsim/account.h"
#include "tests/hubsim/event.h"

struct firmwares; /* opaque */

/* HTTP on loopback. NULL: cannot listen. Borrows both. */
struct firmwares *firmwares_open(int port, const struct cloud *c, struct events *e);
void firmwares_close(struct firmwares *f); /* NULL is fine */

/* A message that was let through by the ACL; anything but $ota/report/ is left. */
void firmwares_message(struct firmwares *f, const char *topic, const void *payload, size_t len);

/* Commands; NULL, or why not (static). */
/* {"name","size"}: a file; out gets its "md5" and "url". */
const char *firmwares_make(struct firmwares *f, const cJSON *cmd, cJSON *out);
/* {"kind","count","bytes","rate","location"}: what happens to the next replies. */
const char *firmwares_fault(struct firmwares *f, const cJSON *cmd, cJSON *out);
/* {"device","version","name","url","md5","size"}: a task; update_firmware goes out now, and after
 * each report of another version. */
const char *firmwares_task(struct firmwares *f, const cJSON *cmd, cJSON *out);
const char *firmwares_withdraw(struct firmwares *f, const cJSON *cmd, cJSON *out); /* {"device"} */
/* {"name"}: out gets "bytes" sent of its body, "requests". */
const char *firmwares_served(struct firmwares *f, const cJSON *cmd, cJSON *out);

#endif
