import type { en } from './en.ts'
import { account } from './ko/account.ts'
import { activity } from './ko/activity.ts'
import { copyCall, explorer } from './ko/explorer.ts'
import { findings } from './ko/findings.ts'
import { gateway } from './ko/gateway.ts'
import { overview } from './ko/overview.ts'
import { palette } from './ko/palette.ts'
import { services, signals } from './ko/services.ts'
import { topology } from './ko/topology.ts'
import { users } from './ko/users.ts'

/** Korean has one plural form: of the keys that count, only `_other` is asked for. */
export type Translation<T> = {
  [K in keyof T as K extends `${string}_one` ? never : K]: T[K] extends string ? string : Translation<T[K]>
}

export const ko: Translation<typeof en> = {
  explorer,
  copyCall,
  activity,
  findings,
  gateway,
  palette,
  topology,
  nav: {
    label: '페이지',
    overview: '개요',
    services: '서비스',
    explorer: 'API 탐색기',
    topology: '토폴로지',
    gateway: '게이트웨이',
    activity: '활동',
    density: '간격',
    densities: { comfortable: '넉넉하게', dense: '촘촘하게' },
    statistics: '통계',
    users: '사용자',
    me: '내 계정',
    skip: '본문으로 건너뛰기',
    open: '메뉴 열기',
    fold: '메뉴 접기',
    unfold: '메뉴 펼치기',
    language: '언어',
    theme: '테마',
    themes: { auto: '시스템 설정', light: '밝게', dark: '어둡게' },
    account: '{{name}} 계정',
    signOut: '로그아웃',
  },
  common: {
    unsaved: '저장하지 않은 변경이 있습니다.',
    discard: '버리기',
    keepEditing: '계속 편집',
    cancel: '취소',
    save: '저장',
    retry: '다시 시도',
    reload: '페이지 새로 고침',
    undo: '되돌리기',
    copy: '복사',
    copied: '복사했습니다',
    close: '닫기',
    loading: '불러오는 중',
    more: '더 보기',
    optional: '선택',
    actions: '작업',
    back: '첫 페이지로',
  },
  state: {
    healthy: '정상',
    degraded: '저하',
    failing: '실패',
    draining: '내보내는 중',
    starting: '시작 중',
    unknown: '알 수 없음',
    since: '{{time}}째',
  },
  mesh: {
    label: '메시 상태: {{state}}',
    live: '실시간',
    lastSeen: '실시간이 아닙니다. 마지막 확인은 {{time}}이며, 아래 내용은 지금과 다를 수 있습니다.',
    healthy: '모두 정상입니다. {{services}}, {{instances}}, {{proxies}}가 최신 구성을 쓰고 있습니다.',
    failing_other: '{{names}} 서비스가 응답하지 않습니다.',
    noProxy: '연결된 프록시가 없어 요청이 서비스에 닿지 않습니다.',
    degraded: '동작 중이지만 {{names}} 인스턴스를 확인해야 합니다.',
    refusing: '프록시 {{names}}에서 구성을 거부했습니다.',
    services_other: '서비스 {{count}}개',
    instances_other: '인스턴스 {{count}}개',
    proxies_other: '프록시 {{count}}개',
    why: {
      draining: '나가는 중이라 새 요청을 보내지 않습니다.',
      drained: '{{name}}에 의해 서비스에서 제외되었습니다.',
      drainedWhy: '{{name}}에 의해 서비스에서 제외되었습니다: {{reason}}',
      notChecked: '아직 확인하지 않았습니다.',
      noReason: '상태 확인에 실패했고 이유는 알려지지 않았습니다.',
      notRegistered: '레지스트리에 더 이상 없습니다.',
      noInstance: '등록된 인스턴스가 없습니다.',
      noStream: '레지스트리와 연결이 끊겼습니다. 임대 시간이 끝날 때까지 인스턴스를 유지합니다.',
      dependency: '{{name}} 응답 없음: {{reason}}',
      pending: '{{type}} 구성을 보냈고 아직 수락하지 않았습니다.',
      refused: '{{type}} 거부: {{reason}}',
    },
    reason: {
      unreachable: '연결할 수 없음',
      noAnswer: '상태 확인에 응답 없음',
      notServing: '처리할 수 없다고 알려 옴',
      starting: '시작 중',
      silent: '소식이 끊김',
    },
    instancesTitle: '인스턴스',
    noInstances: '연결된 인스턴스가 없습니다.',
    noInstancesHint: 'npm start로 서비스를 시작하거나, 실행 중이어야 할 서비스의 로그를 확인하십시오.',
    version: '버전',
    healthCheck: '상태 확인',
    registry: '레지스트리',
  },
  overview,
  services,
  signals,
  users,
  account,
  field: {
    required: '입력해 주십시오.',
    email: 'name@example.com 같은 주소를 입력해 주십시오.',
    future: '지금보다 뒤의 시각을 골라 주십시오.',
    pattern: '형식에 맞지 않습니다.',
    minLength_other: '{{count}}자 이상 입력해 주십시오.',
    maxLength_other: '{{count}}자까지 입력할 수 있습니다.',
  },
  problem: {
    copy: '세부 정보 복사',
    retryIn: '{{time}} 뒤에 다시 시도하십시오.',
    notFoundTitle: '없는 페이지입니다',
    notFoundText: '{{path}} 주소에 해당하는 페이지가 없습니다. 주소를 확인하거나 개요에서 시작하십시오.',
    code: {
      UNAVAILABLE: {
        what: '서버에 연결할 수 없습니다',
        todo: 'site11이 실행 중인지(npm start) 확인한 뒤 다시 시도하십시오.',
      },
      DEADLINE_EXCEEDED: {
        what: '서버가 제시간에 응답하지 않았습니다',
        todo: '다시 시도하십시오. 계속 느리면 개요를 확인하십시오.',
      },
      UNAUTHENTICATED: { what: '로그인하지 않았습니다', todo: '로그인한 뒤 다시 시도하십시오.' },
      PERMISSION_DENIED: { what: '권한이 없습니다', todo: '관리자에게 필요한 역할을 요청하십시오.' },
      NOT_FOUND: { what: '대상이 없습니다', todo: '삭제되었을 수 있습니다. 돌아가서 다시 확인하십시오.' },
      RESOURCE_EXHAUSTED: { what: '요청이 너무 많습니다', todo: '잠시 기다렸다가 다시 시도하십시오.' },
      CLIENT: {
        what: '페이지에 오류가 있습니다',
        todo: '페이지를 새로 고치십시오. 계속되면 세부 정보와 함께 알려 주십시오.',
      },
      OTHER: { what: '처리하지 못했습니다', todo: '다시 시도하십시오. 계속되면 세부 정보와 함께 알려 주십시오.' },
    },
    reason: {
      INVALID_FIELD: { what: '잘못 입력된 곳이 있습니다', todo: '표시된 항목을 고쳐 주십시오.' },
      INVALID_FILTER: { what: '필터를 해석할 수 없습니다', todo: '필터를 지우고 다시 시작하십시오.' },
      INVALID_ORDER: { what: '그 기준으로는 정렬할 수 없습니다', todo: '다른 정렬을 고르십시오.' },
      INVALID_PAGE_TOKEN: { what: '목록이 바뀌었습니다', todo: '처음부터 다시 불러오십시오.' },
      NOT_FOUND: { what: '대상이 없습니다', todo: '삭제되었을 수 있습니다. 돌아가서 다시 확인하십시오.' },
      ETAG_MISMATCH: { what: '그사이 다른 곳에서 변경되었습니다', todo: '다시 불러온 뒤 변경해 주십시오.' },
      REQUEST_ID_REUSED: {
        what: '같은 요청을 다른 값으로 보낸 적이 있습니다',
        todo: '양식을 닫았다가 다시 열어 한 번만 보내십시오.',
      },
      EMAIL_TAKEN: { what: '다른 계정이 쓰는 이메일 주소입니다', todo: '다른 주소를 쓰거나 이 주소로 로그인하십시오.' },
      TOKEN_MISSING: { what: '로그인하지 않았습니다', todo: '로그인한 뒤 다시 시도하십시오.' },
      TOKEN_INVALID: { what: '세션이 유효하지 않습니다', todo: '로그인한 뒤 다시 시도하십시오.' },
      TOKEN_EXPIRED: { what: '세션이 만료되었습니다', todo: '로그인한 뒤 다시 시도하십시오.' },
      SCOPE_MISSING: { what: '권한이 없습니다', todo: '관리자에게 필요한 역할을 요청하십시오.' },
      CALLER_NOT_ALLOWED: { what: '권한이 없습니다', todo: '서비스만 호출할 수 있습니다.' },
      BAD_CREDENTIALS: {
        what: '이메일 주소와 비밀번호가 맞지 않습니다',
        todo: '둘 다 확인하거나 비밀번호를 새로 정하십시오.',
      },
      ACCOUNT_DISABLED: { what: '비활성화된 계정입니다', todo: '관리자에게 활성화를 요청하십시오.' },
      THROTTLED: { what: '시도 횟수가 너무 많습니다', todo: '기다렸다가 다시 시도하십시오.' },
      SESSION_REPLAYED: {
        what: '안전을 위해 세션을 끝냈습니다',
        todo: '다시 로그인하십시오. 예상하지 못한 일이면 비밀번호를 변경하십시오.',
      },
      SESSION_ENDED: { what: '세션이 끝났습니다', todo: '다시 로그인하십시오.' },
      LINK_INVALID: {
        what: '더 이상 쓸 수 없는 링크입니다',
        todo: '이미 썼거나 만료되었습니다. 새 링크를 요청하십시오.',
      },
      WRONG_STATE: {
        what: '지금 상태에서는 할 수 없습니다',
        todo: '다시 불러오십시오. 마지막 관리자는 비활성화하거나 삭제할 수 없습니다.',
      },
      UNKNOWN_METRIC: {
        what: '없는 메트릭입니다',
        todo: '목록에 있는 메트릭을 고르십시오. 애플리케이션의 메트릭은 한 번 전송된 뒤에 나타납니다.',
      },
      UNKNOWN_LABEL: {
        what: '이 메트릭에 없는 레이블입니다',
        todo: '그룹 기준과 필터에는 이 메트릭의 레이블을 쓰십시오.',
      },
      TOO_MANY_STEPS: { what: '차트 하나에 담기에는 간격이 너무 많습니다', todo: '간격을 늘리거나 기간을 줄이십시오.' },
      TOO_MANY_SERIES: {
        what: '시리즈가 너무 많습니다',
        todo: '상위 시리즈만 보거나 그룹 기준을 줄이거나 필터를 쓰십시오.',
      },
      AGGREGATION_NOT_SUPPORTED: {
        what: '이 종류의 메트릭에는 쓸 수 없는 집계입니다',
        todo: '다른 집계를 고르십시오.',
      },
      UNKNOWN_EVENT: { what: '선언되지 않은 이벤트입니다', todo: '통계의 제품 분석에서 선언한 뒤 다시 보내십시오.' },
      UNKNOWN_PROPERTY: { what: '이 이벤트에 없는 속성입니다', todo: '속성을 선언하거나 빼고 보내십시오.' },
      PROPERTY_MISSING: { what: '이벤트에 필요한 속성이 없습니다', todo: '속성을 넣어 보내십시오.' },
      WRONG_PROPERTY_TYPE: { what: '속성 값의 유형이 다릅니다', todo: '선언된 유형의 값을 보내십시오.' },
      TOO_OLD: { what: '너무 오래된 이벤트라 집계하지 않습니다', todo: '48시간 안에 보내십시오.' },
      SUBJECT_MISSING: { what: '누가 한 일인지 알 수 없습니다', todo: 'subject를 넣거나 로그인한 상태로 보내십시오.' },
      TOO_MANY: { what: '만들 수 있는 수를 모두 썼습니다', todo: '필요 없는 것을 삭제한 뒤 다시 시도하십시오.' },
      UNKNOWN_ROLE: { what: '없는 역할입니다', todo: '있는 역할 중에서 고르십시오.' },
      DEPENDENCY_UNAVAILABLE: {
        what: '필요한 구성 요소가 응답하지 않습니다',
        todo: '잠시 뒤에 다시 시도하거나 개요에서 문제를 확인하십시오.',
      },
      OVERLOADED: { what: '서버가 한계에 이르렀습니다', todo: '잠시 기다렸다가 다시 시도하십시오.' },
      INSTANCE_CONFLICT: { what: '두 인스턴스가 같은 자리를 주장합니다', todo: '둘 중 하나를 멈추십시오.' },
      INTERNAL: {
        what: '서버에 오류가 있습니다',
        todo: '세부 정보와 함께 알려 주십시오. 추적 ID로 로그에서 찾을 수 있습니다.',
      },
      WEAK_PASSWORD: {
        what: '추측하기 쉬운 비밀번호입니다',
        todo: '흔하지 않고 이메일 주소가 들어 있지 않은 비밀번호를 고르십시오.',
      },
      WRONG_METHOD: {
        what: '이 주소에서 받지 않는 요청입니다',
        todo: '페이지를 새로 고치십시오. 계속되면 세부 정보와 함께 알려 주십시오.',
      },
      TOO_LARGE: {
        what: '한 번에 보내기에는 너무 큽니다',
        todo: '더 작게 나누어 보내십시오.',
      },
      WRONG_CONTENT_TYPE: {
        what: '서버가 받지 않는 형식입니다',
        todo: '페이지를 새로 고치십시오. 계속되면 세부 정보와 함께 알려 주십시오.',
      },
      VERSION_NOT_SERVED: {
        what: '서버에 이 API 버전이 없습니다',
        todo: '페이지를 새로 고치십시오. 계속되면 세부 정보와 함께 알려 주십시오.',
      },
      NO_SUPERVISOR: {
        what: '콘솔이 이 메시의 프로세스를 실행하지 않습니다',
        todo: 'Compose나 Kubernetes처럼 프로세스를 실행하는 도구를 사용하십시오.',
      },
    },
  },
}
