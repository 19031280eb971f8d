/* Updates of firmware: can devices download from here, may the gateway install. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/check.h"

static bool have(const struct check_facts *f, struct finding *out)
{
	if (!f->have_config)
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
	return f->have_config;
}

static bool serves(const struct config *c)
{
	return c->lan.http && strcmp(c->lan.http, "off") != 0;
}

static void devices_download_from_here(const struct check_facts *f, struct finding *out)
{
	if (have(f, out) && serves(&f->config) && !f->config.lan.http_advertise)
		check_says(out, VERDICT_WARN,
		           "name in lan.http_advertise how devices reach this machine, for instance "
		           "gateway.lan",
		           "lan.http %s is on, but lan.http_advertise is not set: update_firmware passes "
		           "to the devices unchanged, and they download for themselves",
		           f->config.lan.http);
}

static void hook_is_the_owners(const struct check_facts *f, struct finding *out)
{
	const char *hook;
	struct stat st;

	if (!have(f, out) || !f->config.firmware.hook)
		return;
	hook = f->config.firmware.hook;
	if (stat(hook, &st) != 0 || !S_ISREG(st.st_mode) || check_user_may(f, hook, X_OK) != 0) {
		check_says(out, VERDICT_FAIL, "",
		           "firmware.hook %s is no program that user %s may run: no firmware is installed "
		           "for the gateway",
		           hook, f->user);
		check_fix(out, "put it there, and chmod 0755 %s", hook);
	} else if (st.st_mode & S_IWOTH) {
		check_says(out, VERDICT_FAIL, "", "firmware.hook %s is writable for everybody", hook);
		check_fix(out, "chmod o-w %s", hook);
	}
}

static const struct check checks[] = {
	{ "firmware-address", devices_download_from_here },
	{ "firmware-hook", hook_is_the_owners },
};

const struct check_table check_firmware = { checks, sizeof checks / sizeof checks[0] };
