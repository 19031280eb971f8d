/* firmware_stage.h - a hub with files of firmware, a gateway that keeps them, devices that
 * download: for the suites about updates. What cannot be set up ends the test. */
#ifndef HUBGATE_TESTS_FIRMWARE_STAGE_H
#define HUBGATE_TESTS_FIRMWARE_STAGE_H

#include "tests/e2e/scene.h"

#define FW_UPDATE(name) "$ota/update/" PRODUCT "/" name
#define FW_REPORT(name) "$ota/report/" PRODUCT "/" name

struct fw_stage {
	struct scene s;
	int http; /* lan.http */
};

struct fw_opts {
	const char *firmware; /* members of "firmware", each with a comma before */
	const char *more;     /* members of the file, each with a comma before */
	const char *hub;      /* members of "hub", each with a comma before */
	const char *lan;      /* members of "lan" in place of the stage's */
	bool not_local;       /* addresses of this machine are refused, as they are by default */
	int street;
	int hub_rate;
};

struct fw_stage fw_start(const struct fw_opts *opts); /* NULL: defaults */
void fw_end(struct fw_stage *t);

/* A device that has subscribed its updates, and the hub has the subscription. */
struct dev *fw_device(struct fw_stage *t, const char *name);
void fw_version(struct dev *d, const char *name, const char *version); /* reports it, QoS 1 */
void fw_state(struct dev *d, const char *name, const char *version, const char *state,
              const char *percent); /* percent NULL: QoS 1, with result_code 0, of fail -5 */

void fw_file(struct fw_stage *t, const char *file, long size, char md5[40]);
void fw_fault(struct fw_stage *t, const char *members); /* "\"kind\":\"403\"" */
void fw_task(struct fw_stage *t, const char *device, const char *version, const char *file);
double fw_fetched(struct fw_stage *t, const char *file); /* bytes that the hub sent of it */
/* So many bytes of it were sent. False after WAIT_MS. */
bool fw_await_fetched(struct fw_stage *t, const char *file, double least);

struct fw_update {
	char url[300], md5[40], version[40];
	long size;
};
/* The next update_firmware that the device gets. False after timeout_ms. */
bool fw_await_update(struct dev *d, const char *name, struct fw_update *out, int timeout_ms);
/* The next report of this state that the hub gets: "fail", "done", "downloading"; its code, or
 * percent. -1000: none came. */
int fw_await_report(struct fw_stage *t, const char *name, const char *state, int timeout_ms);

struct fw_reply {
	long status;
	long size;
	char md5[40];
	char head[2000];
};
/* As a device would. host: of 127/8 that it comes from; range NULL: none. */
struct fw_reply fw_get(const char *url, int host, const char *range);

#endif
