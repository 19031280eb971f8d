#include "plugin/routing.h"

#include "core/base/room.h"
#include "plugin/lan/unheard.h"
#include "plugin/lan/withheld.h"
#include "plugin/services/mapping_service.h"

void routing_over(struct hubgate *h)
{
	IN_ROOM(ROOM_BROKER);
	withheld_over(h);
	unheard_over(h);
	mapping_service_over(h);
}
