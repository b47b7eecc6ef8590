// Package opening says what players may see and start now, as CTFd has it: nothing before its event begins and after it
// has ended, nothing while it is paused, and no challenge that is hidden there. What CTFd said last holds while it does
// not answer, also over a restart: it is written into the database.
package opening
