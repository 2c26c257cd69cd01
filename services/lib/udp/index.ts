/** Prices by datagram: the form of requests and answers, session ids with a MAC, and a bounded server socket. */
export type { UdpRequest } from './datagram.ts';
