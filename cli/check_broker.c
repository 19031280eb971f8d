/* Checks of mosquitto.conf: that the plugin is loaded, and what bites it. docs/broker-notes.md. */
#include <stdio.h>
#include <string.h>

#include "cli/check.h"

static bool have(const struct check_facts *f, struct finding *out)
{
	if (!f->have_conf)
		check_says(out, VERDICT_SKIP, "", "mosquitto.conf cannot be read");
	return f->have_conf;
}

static bool have_both(const struct check_facts *f, struct finding *out)
{
	if (!f->have_config)
		check_says(out, VERDICT_SKIP, "", "hubgate.json has faults");
	return f->have_config && have(f, out);
}

static void conf_is_readable(const struct check_facts *f, struct finding *out)
{
	if (!f->have_conf)
		check_says(out, VERDICT_FAIL, "name the broker's file: hubgate check --mosquitto FILE",
		           "%s", f->conf_why);
}

static void plugin_is_loaded(const struct check_facts *f, struct finding *out)
{
	if (have(f, out) && !f->conf.ours)
		check_says(out, VERDICT_FAIL,
		           "add the lines of the README: plugin .../mosquitto_hubgate.so and "
		           "plugin_opt_config_file",
		           "%s loads no mosquitto_hubgate.so", f->conf_path);
}

static void options_go_with_the_plugin(const struct check_facts *f, struct finding *out)
{
	char why[MOSQUITTO_CONF_REFUSED_MAX];

	if (!have(f, out))
		return;
	if (f->conf.per_listener_settings)
		check_says(out, VERDICT_FAIL,
		           "set per_listener_settings to false and give the options globally",
		           "per_listener_settings true binds a plugin to one listener and, on 2.0, "
		           "silences its timer");
	else if (mosquitto_conf_refused(&f->conf, why))
		check_says(out, VERDICT_FAIL, "", "%s", why);
}

static void plugin_is_first(const struct check_facts *f, struct finding *out)
{
	if (have(f, out) && f->conf.ours_not_first)
		check_says(out, VERDICT_WARN, "put hubgate's plugin line before all others",
		           "%s: another plugin stands before hubgate and may answer for devices first",
		           f->conf.ours_at.text);
}

static void devices_reach_a_listener(const struct check_facts *f, struct finding *out)
{
	if (have(f, out) && !f->conf.listener)
		check_says(out, VERDICT_FAIL, "add a listener, such as: listener 1883",
		           "mosquitto.conf has no listener: the broker is reached from this machine only");
}

static void others_keep_their_rights(const struct check_facts *f, struct finding *out)
{
	char why[MOSQUITTO_CONF_WHY_MAX];
	enum lan_acl effective;

	if (have_both(f, out) &&
	    mosquitto_conf_acl(&f->conf, f->config.lan.acl, &effective, why) != ST_OK)
		check_says(out, VERDICT_FAIL,
		           "set lan.acl in hubgate.json to \"allow\" or \"defer\" (docs/configuration.md)",
		           "%s", why);
}

static void logins_of_the_broker_are_checked(const struct check_facts *f, struct finding *out)
{
	if (!have_both(f, out) || !mosquitto_conf_unknown_user_passes(&f->conf))
		return;
	for (size_t i = 0; i < f->config.device_count; i++) {
		if (!f->config.devices[i].login)
			continue;
		check_says(out, VERDICT_WARN, "add a password_file, and allow_anonymous false",
		           "devices[%zu].login names the user %.60s, but the broker lets every user name "
		           "in without a password",
		           i, f->config.devices[i].login);
		return;
	}
	if (f->config.app_count > 0)
		check_says(out, VERDICT_WARN, "add a password_file, and allow_anonymous false",
		           "apps[] gives rights to user names, but the broker lets every user name in "
		           "without a password");
}

static void the_doorbell_has_a_place(const struct check_facts *f, struct finding *out)
{
	const struct mosquitto_listener *l;

	if (!have_both(f, out))
		return;
	l = mosquitto_conf_crowded(&f->conf, f->config.device_count);
	if (l)
		check_says(out, VERDICT_WARN,
		           "raise it, or add a unix socket: listener 0 /run/mosquitto.sock",
		           "%s: max_connections %u leaves no place for hubgate's own connection beside %zu "
		           "devices; then commands and answers wait for the broker's tick",
		           l->max_at.text, l->max_connections, f->config.device_count);
}

static void prefixes_let_devices_in(const struct check_facts *f, struct finding *out)
{
	const struct config_device *d;
	size_t i;

	if (!have_both(f, out))
		return;
	i = mosquitto_conf_kept_out(&f->conf, &f->config);
	if (i == f->config.device_count)
		return;
	d = &f->config.devices[i];
	check_says(out, VERDICT_FAIL, "take clientid_prefixes out",
	           "%s: clientid_prefixes %.60s keeps devices[%zu] (%s/%s) out",
	           f->conf.clientid_prefix_at.text, f->conf.clientid_prefix, i, d->product_id,
	           d->device_name);
}

static void certificates_do_not_hide_devices(const struct check_facts *f, struct finding *out)
{
	if (have(f, out) && (f->conf.identity_as_username || f->conf.subject_as_username))
		check_says(out, VERDICT_WARN,
		           "leave the option out on listeners for devices; hubgate takes the certificate's "
		           "name itself (docs/devices.md)",
		           "use_identity_as_username or use_subject_as_username: clients of that listener "
		           "are no devices");
}

static void small_messages_are_not_delayed(const struct check_facts *f, struct finding *out)
{
	if (have(f, out) && !f->conf.tcp_nodelay)
		check_says(out, VERDICT_WARN, "add: set_tcp_nodelay true",
		           "set_tcp_nodelay is off: answers to devices may wait 40 ms in the kernel");
}

static void refusals_do_not_disconnect(const struct check_facts *f, struct finding *out)
{
	if (have(f, out) && f->conf.no_queue)
		check_says(out, VERDICT_WARN, "leave max_queued_messages out, or give a number",
		           "max_queued_messages 0: no message is queued for a device that is away, and "
		           "2.0 disconnects whoever publishes what is refused");
}

static bool of_the_hub(const struct check_facts *f, const char *filter)
{
	const struct config *c = &f->config;

	if (filter[0] == '$' || filter[0] == '#' || filter[0] == '+')
		return filter[0] != '$' || strncmp(filter, "$SYS", 4) != 0;
	for (size_t i = 0; i < c->device_count; i++) {
		if (strncmp(filter, c->devices[i].product_id, PRODUCT_ID_LEN) == 0 &&
		    (filter[PRODUCT_ID_LEN] == '/' || !filter[PRODUCT_ID_LEN]))
			return true;
	}
	return false;
}

static void bridges_stay_out(const struct check_facts *f, struct finding *out)
{
	if (!have_both(f, out))
		return;
	for (size_t i = 0; i < f->conf.bridged_count; i++) {
		if (!of_the_hub(f, f->conf.bridged[i].filter))
			continue;
		check_says(
			out, VERDICT_WARN, "narrow the bridge's topic line to what is not the hub's",
			"%s: the bridge's topic %.100s covers topics of the hub; what it brings there is "
			"refused unless apps[] grants its user name, what it takes away is readable "
			"elsewhere",
			f->conf.bridged[i].at.text, f->conf.bridged[i].filter);
		return;
	}
}

static const struct check checks[] = {
	{ "mosquitto-conf", conf_is_readable },
	{ "plugin-loaded", plugin_is_loaded },
	{ "broker-options", options_go_with_the_plugin },
	{ "plugin-first", plugin_is_first },
	{ "listener", devices_reach_a_listener },
	{ "lan-acl", others_keep_their_rights },
	{ "broker-logins", logins_of_the_broker_are_checked },
	{ "doorbell-place", the_doorbell_has_a_place },
	{ "clientid-prefixes", prefixes_let_devices_in },
	{ "identity-username", certificates_do_not_hide_devices },
	{ "tcp-nodelay", small_messages_are_not_delayed },
	{ "queued-messages", refusals_do_not_disconnect },
	{ "bridges", bridges_stay_out },
};

const struct check_table check_broker = { checks, sizeof checks / sizeof checks[0] };
