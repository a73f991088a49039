/* Signals that end a training run: taken down, and obeyed after the step in hand. */
#ifndef DNNB_CLI_SIGNALS_H
#define DNNB_CLI_SIGNALS_H

/** From now on SIGINT, SIGTERM and SIGHUP (a terminal that is closed) are taken down, a second one
 *  ends the program at once. A reader that goes away, and a file that grows too large, are failures
 *  of a write instead. @param before Written before the message, to leave no line of progress;
 *  kept. */
void cli_signals_catch(const char *before);
/** The signal that came; 0 for none. */
int cli_signals_get(void);

#endif
