/* send.h - publishing from inside the broker. Main thread only. */
#ifndef HUBSIM_SEND_H
#define HUBSIM_SEND_H

#include <stddef.h>

/* Copies the payload; routed by subscription and read permission. */
void send_message(const char *topic, const void *payload, size_t len, int qos);

#endif
