/* Checks of hubgate.json and of the files it names. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/check.h"

static void config_is_readable(const struct check_facts *f, struct finding *out)
{
	int error = check_user_may(f, f->config_path, R_OK);

	if (error == 0)
		return;
	check_says(out, VERDICT_FAIL, "", "%s cannot be read by user %s (uid %u): %s", f->config_path,
	           f->user, (unsigned)f->uid, strerror(error));
	if (error == ENOENT)
		check_fix(out, "write it (docs/configuration.md has the keys), or name another one: "
		               "hubgate check FILE");
	else
		check_fix(out,
		          "chgrp %u %s && chmod 0640 %s, and let the user pass every folder above it "
		          "(chmod g+x)",
		          (unsigned)f->gid, f->config_path, f->config_path);
}

/* Each fault of a report names its own fix. */
static void lines_of(struct finding *out, enum verdict verdict, const char lines[][CONFIG_LINE_MAX],
                     size_t count, bool more)
{
	size_t used = 0;

	out->verdict = verdict;
	for (size_t i = 0; i < count && used < sizeof out->cause; i++) {
		int n =
			snprintf(out->cause + used, sizeof out->cause - used, "%s%s", i ? "\n" : "", lines[i]);

		used += n > 0 ? (size_t)n : 0;
	}
	if (more || used >= sizeof out->cause)
		check_fix(out, "mend these first: there are more");
}

static void config_is_right(const struct check_facts *f, struct finding *out)
{
	if (!f->have_config)
		lines_of(out, VERDICT_FAIL, f->report.errors, f->report.error_count, f->report.more_errors);
}

static void config_has_no_warnings(const struct check_facts *f, struct finding *out)
{
	if (!f->have_config)
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
	else if (f->report.warning_count > 0)
		lines_of(out, VERDICT_WARN, f->report.warnings, f->report.warning_count, false);
}

/* Of the samples in README.md and conf/: whoever reads these may log in. */
static bool is_sample(const struct secret *s)
{
	static const char *const samples[] = { "Z2F0ZXdheS1vbmUtcHNrIQ==", "ZGV2aWNlLW9uZS1wc2stLQ==",
		                                   "ZGV2aWNlLXR3by1wc2stLQ==" };

	for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
		if (strcmp(s->text, samples[i]) == 0)
			return true;
	}
	return false;
}

static void secrets_are_your_own(const struct check_facts *f, struct finding *out)
{
	const struct config *c = &f->config;

	if (!f->have_config) {
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
		return;
	}
	if (is_sample(&c->gateway.secret)) {
		check_says(out, VERDICT_FAIL, "put in the secret that the console shows for the gateway",
		           "gateway.secret is the one of the samples");
		return;
	}
	for (size_t i = 0; i < c->device_count; i++) {
		if (!is_sample(&c->devices[i].secret))
			continue;
		check_says(out, VERDICT_FAIL, "put in the secret that the console shows for the device",
		           "devices[%zu] (%s/%s) has the secret of the samples", i,
		           c->devices[i].product_id, c->devices[i].device_name);
		return;
	}
}

struct secret_file {
	const char *key, *path;
};

static void secret_files_are_readable(const struct check_facts *f, struct finding *out)
{
	const struct config_gateway *g = &f->config.gateway;
	const struct secret_file files[] = {
		{ "gateway.secret_file", f->have_config ? g->secret_file : NULL },
		{ "gateway.cert_file", f->have_config ? g->cert_file : NULL },
		{ "gateway.key_file", f->have_config ? g->key_file : NULL },
		{ "hub.ca_file", f->have_config ? f->config.hub.ca_file : NULL },
	};
	int error;

	if (!f->have_config)
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		if (!files[i].path || (error = check_user_may(f, files[i].path, R_OK)) == 0)
			continue;
		check_says(out, VERDICT_FAIL, "", "%s: %s cannot be read by user %s (uid %u): %s",
		           files[i].key, files[i].path, f->user, (unsigned)f->uid, strerror(error));
		check_fix(out, "chgrp %u %s && chmod 0640 %s", (unsigned)f->gid, files[i].path,
		          files[i].path);
		return;
	}
}

static void device_secrets_are_readable(const struct check_facts *f, struct finding *out)
{
	int error;

	if (!f->have_config)
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
	for (size_t i = 0; f->have_config && i < f->config.device_count; i++) {
		const struct config_device *d = &f->config.devices[i];
		const char *path = d->secret_file ? d->secret_file : d->cert_file;

		if (!path || (error = check_user_may(f, path, R_OK)) == 0)
			continue;
		check_says(out, VERDICT_FAIL, "",
		           "devices[%zu] (%s/%s): %s cannot be read by user %s (uid %u): %s", i,
		           d->product_id, d->device_name, path, f->user, (unsigned)f->uid, strerror(error));
		check_fix(out, "chgrp %u %s && chmod 0640 %s", (unsigned)f->gid, path, path);
		return;
	}
}

static void hub_is_checked(const struct check_facts *f, struct finding *out)
{
	const struct config_hub *hub = &f->config.hub;

	if (!f->have_config)
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
	else if (!hub->tls)
		check_says(out, VERDICT_WARN, "take hub.tls out: it is on by default",
		           "hub.tls is false: everybody on the way reads and changes what is sent");
	else if (!hub->verify || !hub->verify_host)
		check_says(out, VERDICT_WARN,
		           "take hub.verify and hub.verify_host out: both are on by default",
		           "the hub's certificate is not checked: whoever answers instead gets the "
		           "gateway's login");
}

static void devices_have_a_way_in(const struct check_facts *f, struct finding *out)
{
	const struct config *c = &f->config;

	if (!f->have_config)
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
	else if (c->device_count == 0 && c->product_count == 0 && c->mapping_count == 0)
		check_says(out, VERDICT_WARN,
		           "add devices[] (docs/devices.md), products[] with register "
		           "(docs/registration.md) or mappings[] (docs/mappings.md)",
		           "no device is configured: only a gateway application can bring one");
}

static const struct check checks[] = {
	{ "config-readable", config_is_readable },
	{ "config", config_is_right },
	{ "config-warnings", config_has_no_warnings },
	{ "secrets", secrets_are_your_own },
	{ "secret-files", secret_files_are_readable },
	{ "device-files", device_secrets_are_readable },
	{ "hub-tls", hub_is_checked },
	{ "devices", devices_have_a_way_in },
};

const struct check_table check_files = { checks, sizeof checks / sizeof checks[0] };
