#include <string.h>

#include "bridge/link/session.h"
#include "tests/runner.h"

static void packet_ids_are_unique_never_zero_and_return_when_released(void)
{
	static struct packet_ids ids;
	static unsigned char seen[65536];
	unsigned twice = 0;

	memset(&ids, 0, sizeof ids);
	for (unsigned i = 0; i < 65535; i++)
		twice += seen[packet_ids_take(&ids)]++;
	CU_ASSERT_EQUAL(twice, 0);
	CU_ASSERT_EQUAL(seen[0], 0);
	CU_ASSERT_EQUAL(packet_ids_take(&ids), 0); /* all are taken */
	packet_ids_release(&ids, 4711);
	CU_ASSERT_EQUAL(packet_ids_take(&ids), 4711);
	CU_ASSERT_EQUAL(packet_ids_take(&ids), 0);
	packet_ids_clear(&ids);
	CU_ASSERT_NOT_EQUAL(packet_ids_take(&ids), 0);
}

static void a_released_packet_id_is_not_taken_again_at_once(void)
{
	struct packet_ids ids = { .last = 0 };
	uint16_t id = packet_ids_take(&ids);

	packet_ids_release(&ids, id);
	CU_ASSERT_NOT_EQUAL(packet_ids_take(&ids), id);
}

SUITE(packet_ids, TEST(packet_ids_are_unique_never_zero_and_return_when_released),
      TEST(a_released_packet_id_is_not_taken_again_at_once))
