/* gen_sdk_map.c - prints docs/sdk-map.md from tests/sdk/methods.tbl.
 */
#include <stdio.h>
#include <string.h>

static const struct {
	const char *method, *group, *lan, *function;
} methods[] = {
#define METHOD(name, group, lan, function) { #name, group, lan, function },
#include "tests/sdk/methods.tbl"
};

int main(void)
{
	static const char *const groups[] = { "MQTT", "Gateway", "Dynamic registration", "OTA",
		                                  "Device shadow" };

	puts("# What each method of the SDK is here\n\n"
	     "Generated from tests/sdk/methods.tbl (`make docs`). `make check` calls every C function\n"
	     "below, by the method's name, against the simulated hub and looks at what goes over the\n"
	     "wire (tests/sdk/test_sdk.c).");
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		size_t rows = 0;

		for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
			if (strcmp(methods[i].group, groups[g]) != 0)
				continue;
			if (rows++ == 0)
				printf("\n## %s\n| Method | A LAN device gets through the broker | C function |\n"
				       "|---|---|---|\n",
				       groups[g]);
			printf("| `%s` | %s | %s |\n", methods[i].method, methods[i].lan, methods[i].function);
		}
	}
	return 0;
}
