/**
 * Counters of one engine: what was received and sent, and one named reason for
 * every drop. Names are Linux's (`/proc/net/snmp`, `/proc/net/netstat`) where
 * one exists, which is why they start with a capital.
 *
 * A dropped frame increments exactly one of the fields marked `Drop:`.
 */

/** The counters. All only grow. */
export class Counters {
  // Link.

  /** Drop: shorter than an Ethernet header, or longer than the MTU allows. */
  EthBadLength = 0;
  /** Drop: the destination MAC is not ours, nor a group we are in. */
  EthNotForUs = 0;
  /** Drop: the source MAC has the group bit set. */
  EthBadSource = 0;
  /** Drop: an EtherType that is not IPv4, ARP or IPv6, or an 802.3 length. */
  EthUnknownType = 0;
  /** Drop: an 802.1Q tag of another VLAN, or none where one is configured. */
  EthVlanMismatch = 0;
  /** A frame the device took nothing of. What has state is sent again, a stateless reply is lost. */
  TxDrop = 0;

  // Neighbours.

  /** Drop: an ARP packet with a wrong field, or a sender that cannot be one. */
  ArpInErrors = 0;
  /** Drop: an ARP packet that asks for, or is answered to, another host. */
  ArpNotForUs = 0;
  /** ARP requests and neighbour solicitations sent. */
  NeighborProbes = 0;
  /** Next hops given up on after three unanswered probes. */
  NeighborFailures = 0;
  /** Drop: a frame that waited for its next hop, pushed out or given up. */
  NeighborQueueDrop = 0;
  /** Another host claimed an address of ours. */
  AddressConflicts = 0;

  // IPv4 and IPv6.

  /** IP packets that reached the IP floor. */
  InReceives = 0;
  /** Drop: version, header length, total length, an option or extension header is malformed. */
  InHdrErrors = 0;
  /** Drop: the IPv4 header checksum does not verify. */
  InIpCsumErrors = 0;
  /** Drop: the destination is not a unicast address of ours. */
  InAddrErrors = 0;
  /** Drop: a source no packet can come from. RFC 1122 §3.2.1.3. */
  MartianSource = 0;
  /** Drop: strict, loose or type 0 source routing. RFC 7126 §4.3, RFC 5095. */
  SourceRouteDrop = 0;
  /** Fragments received. */
  ReasmReqds = 0;
  /** Datagrams put together. */
  ReasmOKs = 0;
  /** Drop: a fragment that is malformed or twice there, or whose datagram was given up. */
  ReasmFails = 0;
  /** Datagrams given up because the rest did not come in time. */
  ReasmTimeout = 0;
  /** Datagrams given up because their fragments overlapped. RFC 5722. */
  ReasmOverlaps = 0;
  /** Drop: a protocol nobody here speaks. */
  InUnknownProtos = 0;
  /** Drop: an IPv6 packet that asks for nothing more than to be received. RFC 8200 §4.7. */
  InNoNextHeader = 0;

  // ICMP and UDP.

  /** ICMP messages received whose checksum verified. */
  IcmpInMsgs = 0;
  /** Drop: an ICMP message with a bad checksum, length or hop limit. */
  IcmpInErrors = 0;
  /** Drop: an ICMP message of a kind we do not act on. */
  IcmpInIgnored = 0;
  /** Drop: an ICMP error that quotes no segment in flight. RFC 5927 §4.1. */
  OutOfWindowIcmps = 0;
  /** ICMP messages sent. */
  IcmpOutMsgs = 0;
  /** ICMP errors kept back by the limit on all of them. */
  IcmpOutRateLimitGlobal = 0;
  /** ICMP errors kept back by the limit for one destination. */
  IcmpOutRateLimitHost = 0;
  /** Drop: a UDP datagram to us; nobody listens. */
  UdpNoPorts = 0;
  /** Drop: a UDP datagram with a bad length or checksum. */
  UdpInErrors = 0;

  // TCP.

  /** TCP segments received; a super-segment counts once. */
  InSegs = 0;
  /** TCP segments sent; a super-segment counts once. */
  OutSegs = 0;
  /** Drop: a TCP header with a bad length, data offset or port. RFC 9293 §3.1. */
  InErrs = 0;
  /** Drop: a TCP checksum that does not verify. RFC 9293 §3.1 MUST-3. */
  InCsumErrors = 0;
  /** TCP option lists cut short at a malformed length; the segment is processed. RFC 9293 §3.1 MUST-7. */
  TCPOptMalformed = 0;
  /** Drop: a third ACK or SYN, the accept queue being full. */
  ListenOverflows = 0;
  /** Drop: PAWS in a synchronized state. RFC 7323 §5.3. */
  PAWSEstabRejected = 0;
  /** Drop: with `tcp_tw_recycle`, a SYN whose timestamp is older than its host's. */
  PAWSPassiveRejected = 0;
  /** Drop: a SYN, the SYN queue being full. */
  TCPReqQFullDrop = 0;
  /** SYNs answered with a cookie. RFC 4987 §3.6. */
  SyncookiesSent = 0;
  /** Cookies that came back, valid. */
  SyncookiesRecv = 0;
  /** Acknowledgments of what is no cookie of ours, or one too old; each is reset. */
  SyncookiesFailed = 0;
  /** SYNs that asked for a fast-open cookie. RFC 7413 §4.2.1. */
  TCPFastOpenCookieReqd = 0;
  /** Fast opens that were let in. RFC 7413 §4.2.2. */
  TCPFastOpenPassive = 0;
  /** Fast opens with an invalid cookie: the handshake went on without. */
  TCPFastOpenPassiveFail = 0;
  /** Fast opens with a cookie of the backup key. */
  TCPFastOpenPassiveAltKey = 0;
  /** Fast opens beyond the listener's limit: the handshake went on without. RFC 7413 §5.1. */
  TCPFastOpenListenOverflow = 0;
  /** Active opens whose SYN carried data that the SYN-ACK acknowledged. RFC 7413 §4.2.2. */
  TCPFastOpenActive = 0;
  /** Active opens whose SYN carried data that the SYN-ACK left out, whole or in part. */
  TCPFastOpenActiveFail = 0;
  /** Pauses of fast open as a client, a black hole being suspected. RFC 7413 §7.1. */
  TCPFastOpenBlackhole = 0;
  /** Connections closed without TIME-WAIT, the table being full. */
  TCPTimeWaitOverflow = 0;
  /** ICMP errors that a connection or a request was told of. RFC 5461. */
  IcmpSoftErrors = 0;
  /** Connections opened by a SYN that was let in. RFC 9293 §3.5. */
  PassiveOpens = 0;
  /** Connections opened by our SYN. RFC 9293 §3.5. */
  ActiveOpens = 0;
  /** Active opens that the peer refused by a reset. */
  AttemptFails = 0;
  /** Drop: a segment with neither SYN nor RST in SYN-SENT. RFC 9293 §3.10.7.3. */
  TCPSynSentDrop = 0;
  /** Drop: a SYN beyond `px_max_connections`. */
  TCPConnectionLimit = 0;
  /** Segments sent again, a super-segment counting once. */
  RetransSegs = 0;
  /** Resets sent. */
  OutRsts = 0;
  /** Connections ended by the peer's reset. */
  EstabResets = 0;
  /** SYNs and SYN-ACKs sent again. */
  TCPSynRetrans = 0;
  /** Requests forgotten because the third ACK never came. */
  TCPSynAckGivenUp = 0;
  /** Requests ended by a reset or another SYN. */
  TCPReqReset = 0;
  /** Drop: a reset to a listener. */
  TCPListenRst = 0;
  /** Drop: a segment to a listener with SYN and FIN, or with none of SYN, ACK and RST. */
  TCPListenBadFlags = 0;
  /** Drop: a reset for no connection. */
  TCPRstNoConnection = 0;
  /** Drop: a segment that deserved a reset beyond `px_rst_ratelimit`. */
  TCPRstRateLimited = 0;
  /** Drop: a reset outside of the window. RFC 9293 §3.10.7.4. */
  TCPRstOutOfWindow = 0;
  /** Drop: a segment without ACK where the state asks for one. */
  TCPNoAckFlag = 0;
  /** Drop: a segment without the timestamps that were agreed. RFC 7323 §3.2. */
  TCPNoTimestamp = 0;
  /** Drop: a segment, or its text, outside of the window. RFC 9293 §3.10.7.4. */
  TCPOutOfWindow = 0;
  /** Drop: an acknowledgment of what was never sent, or far too old. RFC 5961 §5. */
  TCPACKInvalid = 0;
  /** Challenge ACKs owed, sent or not. RFC 5961 §3, §4. */
  TCPChallengeACK = 0;
  /** ACKs to unacceptable segments kept back by `tcp_invalid_ratelimit`. */
  TCPACKSkipped = 0;
  /** Text kept beyond a gap. */
  TCPOFOQueue = 0;
  /** Drop: text beyond a gap for which there was no room. */
  TCPOFODrop = 0;
  /** Reports of text that came twice: it was in order; it lay beyond a gap. RFC 2883 §4. */
  TCPDSACKOldSent = 0;
  TCPDSACKOfoSent = 0;
  /** Segments with text which a router had marked. RFC 3168 §6.1.3. */
  InCEPkts = 0;
  /** Resets that answered a SYN which asked for ECN: it is sent again without. RFC 3168 §6.1.1.1. */
  TCPECNRefused = 0;
  /** Drop: text in order for which there was no page. */
  TCPRcvQDrop = 0;
  /** Acknowledgments which said nothing new. RFC 5681 §2. */
  TCPDupAcks = 0;
  /** Losses found by three duplicate acknowledgments. RFC 5681 §3.2. */
  TCPFastRetrans = 0;
  /** Fast recoveries of connections with SACK. RFC 6675 §5. */
  TCPSackRecovery = 0;
  /** Fast recoveries of connections without SACK. RFC 6582 §3.2. */
  TCPRenoRecovery = 0;
  /** Fast recoveries taken back at their end: nothing had been lost. RFC 3522. */
  TCPFullUndo = 0;
  /** Fast recoveries taken back in the middle. RFC 3522. */
  TCPPartialUndo = 0;
  /** Reductions taken back because the peer had all that was sent again. RFC 3708. */
  TCPDSACKUndo = 0;
  /** Timeouts taken back. RFC 4015. */
  TCPLossUndo = 0;
  /** Timeouts that F-RTO found spurious. RFC 5682. */
  TCPSpuriousRTOs = 0;
  /** Tail loss probes. RFC 8985 §7. */
  TCPLossProbes = 0;
  /** Losses that such a probe repaired. RFC 8985 §7.4. */
  TCPLossProbeRecovery = 0;
  /** Bytes that the peer said it had twice, by segments. RFC 2883. */
  TCPDSACKRecv = 0;
  /** Acknowledgments that showed segments to have overtaken others. RFC 8985 §6.2. */
  TCPSACKReorder = 0;
  /** Retransmission timeouts. RFC 6298 §5. */
  TCPTimeouts = 0;
  /** Probes of a path's MTU that arrived, and that were lost. RFC 4821 §7.6. */
  TCPMTUPSuccess = 0;
  TCPMTUPFail = 0;
  /** Zero window probes sent. RFC 9293 §3.8.6.1. */
  TCPWinProbe = 0;
  /** Keep-alive probes sent. RFC 9293 §3.8.4. */
  TCPKeepAlive = 0;
  /** Acknowledgments sent because `tcp_delack_ms` was over. */
  DelayedACKs = 0;
  /** Connections given up after R2, or by keep-alive. RFC 9293 §3.8.3. */
  TCPAbortOnTimeout = 0;
  /** Connections reset because the peer's window stayed shut for `px_zero_window_timeout`. RFC 6429. */
  TCPAbortOnZeroWindow = 0;
  /** Drop: a SYN, all memory being in use. */
  TCPMemoryDrop = 0;
  /** Connections whose text beyond gaps was given up because memory was short. */
  OfoPruned = 0;
  /** Connections reset because there were more than `tcp_max_orphans` without a user, or because memory was short. */
  TCPAbortOnMemory = 0;
  /** Connections reset because text came that nobody will read. RFC 2525 §2.17. */
  TCPAbortOnData = 0;
  /** SYNs, of a peer or ours, which took their tuple out of TIME-WAIT. RFC 6191 §2. */
  TWRecycled = 0;
  /** Drop: a reset in TIME-WAIT. RFC 1337 §3. */
  TCPTimeWaitRst = 0;
  /** Drop: a SYN in TIME-WAIT whose timestamp is older than the connection's. RFC 6191 §2. */
  TCPTimeWaitSynDrop = 0;
}
