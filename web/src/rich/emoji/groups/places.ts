/** Emoji of the group "places": the glyph, then words to find it by, in English and Chinese. */

export const places = `
🚗 car 汽车
🚕 taxi 出租车
🚌 bus 公交
🚑 ambulance 救护车
🚒 fire engine 消防车
🚚 truck delivery 卡车 快递
🚲 bicycle bike 自行车
🛵 scooter 电动车
🏍️ motorcycle 摩托车
🚄 fast train 高铁
🚇 metro subway 地铁
✈️ airplane flight travel 飞机 旅行
🚀 rocket launch ship 火箭 发布
🚁 helicopter 直升机
⛵ sailboat 帆船
🚢 ship 轮船
⚓ anchor 锚
🚦 traffic light 红绿灯
🚧 construction wip 施工
🗺️ map 地图
🧭 compass 指南针
🏠 house home 家 房子
🏢 office building 办公楼
🏥 hospital 医院
🏦 bank 银行
🏨 hotel 酒店
🏫 school 学校
🏖️ beach holiday 海滩 度假
🏔️ mountain 山
⛺ tent camping 露营
🌋 volcano 火山
🌃 night city 夜晚
🌅 sunrise 日出
🎡 ferris wheel 摩天轮
⚽ soccer football 足球
🏀 basketball 篮球
🏐 volleyball 排球
🎾 tennis 网球
🏓 ping pong table tennis 乒乓球
🏸 badminton 羽毛球
🏊 swim 游泳
🚴 cycling 骑车
🏋️ weights gym 健身 举重
⛷️ ski 滑雪
🎮 video game 游戏
🎲 dice game 骰子
🧩 puzzle 拼图
♟️ chess 象棋
🀄 mahjong 麻将
🎨 art palette paint 画 艺术
🎬 movie film 电影
🎤 microphone karaoke 唱歌
🎧 headphones music 耳机 音乐
🎵 music note 音乐
🎸 guitar 吉他
🎹 piano 钢琴
🎻 violin 小提琴
🥁 drum 鼓
`;
