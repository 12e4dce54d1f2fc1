/** What comes with Statistics. */
const signals = {
  requests: '요청',
  errors: '서버 오류',
  'caller-errors': '호출자 오류',
  p95: '95 백분위수',
}

export const builtIn = {
  dashboards: {
    platform: {
      title: '플랫폼',
      description: '메시 전체 서비스의 상태를 한눈에 봅니다.',
      variables: {},
      panels: {
        ...signals,
        rate: '서비스별 요청',
        'error-rate': '서비스별 서버 오류',
        latency: '서비스별 95 백분위수',
        statuses: '상태 코드별 요청',
        methods: '많이 호출된 메서드',
      },
    },
    service: {
      title: '서비스',
      description: '서비스 하나를 메서드, 버전, 호출자별로 봅니다.',
      variables: { service: '서비스' },
      panels: {
        ...signals,
        rate: '메서드별 요청',
        'error-rate': '메서드별 서버 오류',
        latency: '소요 시간',
        versions: '버전별 요청',
        callers: '호출자별 요청',
        instances: '인스턴스별 95 백분위수',
      },
    },
    product: {
      title: '제품',
      description: '외부 호출자가 어떤 경로로 얼마나 호출하고 얼마나 성공하는지 봅니다.',
      variables: {},
      panels: {
        ...signals,
        ways: '진입 경로별 요청',
        week: '일주일 전과 비교한 요청',
        refused: '호출자가 거부당한 요청',
      },
    },
  },
  rules: {
    'error-rate': {
      title: '서비스 요청이 많이 실패함',
      description: '5분 동안 요청의 5%를 넘게 서비스 쪽 원인으로 실패했습니다. 서비스 페이지와 로그를 확인하십시오.',
    },
    'error-budget': {
      title: '서비스의 오류 예산이 너무 빠르게 소진됨',
      description:
        '이 속도라면 30일 동안 실패해도 되는 요청 0.1%를 며칠 만에 모두 써 버립니다. 마지막에 배포한 내용을 확인하십시오.',
    },
    'instance-silent': {
      title: '인스턴스의 보고가 끊김',
      description:
        '5분 동안 아무 보고가 없었습니다. 인스턴스가 사라졌거나 멈춘 상태입니다. 계획된 종료라면 한 시간 뒤에 잊힙니다.',
    },
    'dead-letters': {
      title: '서비스가 처리를 포기한 이벤트가 있음',
      description:
        '처리하지 못한 이벤트와, 같은 대상에서 그 뒤를 기다리는 이벤트가 남아 있습니다. 이벤트 페이지의 처리 실패 탭에서 원인을 확인해 해결한 뒤 다시 시도하십시오.',
    },
    slow: {
      title: '서비스 응답이 느림',
      description:
        '요청 20건 중 1건이 2초를 넘었습니다. 이 서비스에서 어느 정도가 느린 것인지 정해질 때까지 정지해 둡니다.',
    },
  },
  metrics: {
    requests: '끝난 요청 수입니다. 프록시와 호출받은 서비스가 알려 준 값입니다.',
    request_errors: '서비스 쪽 원인으로 실패한 요청 수입니다.',
    request_client_errors: '호출자 쪽 원인으로 실패한 요청 수입니다.',
    request_duration: '요청 처리에 걸린 시간입니다. 호출자가 끊을 때까지 이어지는 스트림은 뺍니다.',
    events: '서비스에서 일어나 다른 서비스에 알려진 이벤트 수입니다.',
    db_client_operation_duration: '데이터베이스 명령에 걸린 시간입니다.',
    nodejs_eventloop_delay: '이벤트 루프가 밀린 시간입니다.',
    nodejs_eventloop_utilization: '최근 몇 초 중 이벤트 루프가 바빴던 비율입니다.',
    process_cpu_time: '프로세스가 사용한 CPU 시간입니다.',
    process_memory_usage: '상주 메모리 크기입니다.',
    process_unix_file_descriptors: '열려 있는 파일과 소켓 수입니다.',
    process_uptime: '프로세스가 실행된 시간입니다.',
    rpc_client_duration: '다른 서비스 호출에 걸린 시간입니다. 재시도까지 모두 포함합니다.',
    rpc_server_duration: '이 프로세스가 응답한 호출에 걸린 시간입니다.',
    rpc_server_streams: '이 프로세스에서 끝난, 시간 제한 없는 스트림 수입니다.',
    site11_events_group_dead_letters:
      '컨슈머 그룹이 처리하지 못한 이벤트와 같은 대상에서 그 뒤를 기다리는 이벤트 수입니다.',
    site11_events_group_lag: '컨슈머 그룹이 아직 확인하지 않은 스트림 이벤트 수입니다.',
    site11_events_group_oldest: '컨슈머 그룹이 확인하지 않은 가장 오래된 이벤트의 나이입니다.',
    site11_events_outbox_size: '모든 그룹이 확인할 때까지 아웃박스에서 기다리는 이벤트 수입니다.',
    site11_events_stream_size: 'Redis 스트림에 보관된 이벤트 수입니다.',
    site11_metrics_failures: '응답이 없거나 읽지 못한 메트릭 페이지 수입니다.',
    v8js_gc_duration: '가비지 컬렉션에 걸린 시간입니다.',
    v8js_memory_heap_limit: '힙이 커질 수 있는 한도입니다.',
    v8js_memory_heap_used: '사용 중인 힙 크기입니다.',
  },
}
