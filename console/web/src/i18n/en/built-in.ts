/** What comes with Statistics, as the service calls it; a test compares the two. Points in names are lines here. */
const signals = {
  requests: 'Requests',
  errors: 'Server errors',
  'caller-errors': 'Caller errors',
  p95: '95th percentile',
}

export const builtIn = {
  dashboards: {
    platform: {
      title: 'Platform',
      description: 'How the services of the mesh fare.',
      variables: {},
      panels: {
        ...signals,
        rate: 'Requests by service',
        'error-rate': 'Server errors by service',
        latency: '95th percentile by service',
        statuses: 'Requests by status',
        methods: 'Most called methods',
      },
    },
    service: {
      title: 'Service',
      description: 'How one service fares, by method, version and caller.',
      variables: { service: 'Service' },
      panels: {
        ...signals,
        rate: 'Requests by method',
        'error-rate': 'Server errors by method',
        latency: 'Durations',
        versions: 'Requests by version',
        callers: 'Requests by caller',
        instances: '95th percentile by instance',
      },
    },
    product: {
      title: 'Product',
      description: 'What callers from outside do: how much, by which way in, and how well it goes.',
      variables: {},
      panels: {
        ...signals,
        ways: 'Requests by way in',
        week: 'Requests against a week ago',
        refused: 'What callers are refused',
      },
    },
  },
  rules: {
    'error-rate': {
      title: 'Many requests to a service fail',
      description:
        'More than 5 % of the requests of five minutes failed by the fault of the service. Look at its page and its logs.',
    },
    'error-budget': {
      title: 'A service uses up its error budget too fast',
      description:
        'At this rate the 0.1 % of requests that may fail in 30 days are used up in days. Look at what was deployed last.',
    },
    'instance-silent': {
      title: 'An instance no longer reports',
      description:
        'It has reported nothing of itself for five minutes: it is gone, or hangs. Planned ones are forgotten after an hour.',
    },
    'dead-letters': {
      title: 'A service has given events up',
      description:
        'It could not handle them, nor what follows of their subjects. Read in the dead letters on the Events page why, mend it, and retry them.',
    },
    slow: {
      title: 'A service answers slowly',
      description:
        'One of 20 requests took longer than two seconds. Rests until somebody knows what is slow for these services.',
    },
  },
  metrics: {
    requests: 'Requests that ended, as the proxies and the called services tell of them.',
    request_errors: 'Requests that failed by the fault of a service.',
    request_client_errors: 'Requests that failed by the fault of their caller.',
    request_duration: 'How long requests took. Streams that live as long as their caller are left out.',
    events: 'What happened in the services, as they told the others.',
    db_client_operation_duration: 'How long commands to databases took',
    nodejs_eventloop_delay: 'How late the event loop was',
    nodejs_eventloop_utilization: 'What part of the last seconds the event loop was busy',
    process_cpu_time: 'CPU time that the process has used',
    process_memory_usage: 'Resident memory',
    process_unix_file_descriptors: 'How many files and sockets are open',
    process_uptime: 'How long the process has been running',
    rpc_client_duration: 'How long calls of other services took, with all their attempts',
    rpc_server_duration: 'How long calls took that this process has answered',
    rpc_server_streams: 'Streams without a time limit that have ended here',
    site11_events_group_dead_letters:
      'Events that a consumer group could not handle, and those of their subjects that wait for them',
    site11_events_group_lag: 'Events of the stream that a consumer group has not acknowledged',
    site11_events_group_oldest: 'How old the oldest event is that a consumer group has not acknowledged',
    site11_events_outbox_size: 'Events that wait in outboxes until all groups have acknowledged them',
    site11_events_stream_size: 'Events that the stream in Redis holds',
    site11_metrics_failures: 'Pages of metrics that were not answered, or could not be read',
    v8js_gc_duration: 'How long garbage collections took',
    v8js_memory_heap_limit: 'How large the heap may become',
    v8js_memory_heap_used: 'Heap in use',
  },
}
