/* callbacks.h - what the broker calls, one file for each event: on_<event>.c. Signatures are the
 * broker's.
 * Room:  BROKER.
 */
#ifndef HUBGATE_CALLBACKS_H
#define HUBGATE_CALLBACKS_H

int on_auth(int event, void *event_data, void *userdata);
int on_acl(int event, void *event_data, void *userdata);
int on_message(int event, void *event_data, void *userdata);
int on_disconnect(int event, void *event_data, void *userdata);
int on_connect(int event, void *event_data, void *userdata);
int on_tick(int event, void *event_data, void *userdata);
int on_reload(int event, void *event_data, void *userdata);

#endif
