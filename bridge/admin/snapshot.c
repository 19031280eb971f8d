#include "bridge/admin/snapshot.h"

#include <stdlib.h>

struct snapshot *snapshot_new(void)
{
	struct snapshot *s = calloc(1, sizeof(*s));

	if (s)
		s->status.max = SNAPSHOT_STATUS_MAX;
	return s;
}

void snapshot_free(struct snapshot *s)
{
	if (s)
		buf_free(&s->status);
	free(s);
}
